"""`manage.py known_migrations`: this version's migrations as JSON, [[app, name], …]. It opens no database."""

import json
from typing import Any

from django.core.management.base import BaseCommand
from django.db.migrations.loader import MigrationLoader


class Command(BaseCommand):
    help = "List the migrations of this version."
    requires_system_checks: list[str] = []  # noqa: RUF012 - declared so by Django

    def handle(self, *args: Any, **options: Any) -> None:
        loader = MigrationLoader(None)
        self.stdout.write(json.dumps(sorted(loader.disk_migrations or ())))
