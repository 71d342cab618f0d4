from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db.models.signals import post_migrate

from apps.notify.checks import check_triggers
from apps.notify.services import ensure_triggers


class NotifyConfig(AppConfig):
    name = "apps.notify"
    label = "notify"
    verbose_name = "Notifications"

    def ready(self) -> None:
        checks.register(check_triggers, checks.Tags.database)
        post_migrate.connect(_ensure_triggers, sender=self)


def _ensure_triggers(using: str, **_: Any) -> None:
    """Sent once, after all migrations: the remake of a table drops its triggers without a word."""
    ensure_triggers(using=using)
