"""`manage.py prepare`: make the data directory and its database, or bring them up to date."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from alknet_site.startup import prepare_database


class Command(BaseCommand):
    help = "Make or upgrade the database."
    requires_system_checks: list[str] = []  # noqa: RUF012 - declared so by Django

    def handle(self, *args: Any, **options: Any) -> None:
        prepare_database(settings.PATHS)
