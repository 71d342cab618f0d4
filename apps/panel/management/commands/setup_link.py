"""`manage.py setup_link`: the path of the set-up link as JSON, or null once an administrator exists."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from apps.panel.setup_link import setup_path


class Command(BaseCommand):
    help = "Print the path of the one-time set-up link as JSON, or null where set-up is over."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(setup_path()))
