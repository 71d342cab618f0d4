from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db.models.signals import post_migrate

from apps.audit.checks import check_guards
from apps.audit.guards import ensure_guards


class AuditConfig(AppConfig):
    name = "apps.audit"
    label = "audit"
    verbose_name = "Audit"

    def ready(self) -> None:
        checks.register(check_guards, checks.Tags.database)
        post_migrate.connect(_ensure_guards, sender=self)


def _ensure_guards(using: str, **_: Any) -> None:
    """Sent once, after all migrations: the remake of a table drops its triggers without a word."""
    ensure_guards(using=using)
