"""A named complaint about a database that changes in silence.

A warning, not an error: `migrate` runs the checks first, and is what mends it.
"""

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import connections

from apps.notify.services import missing_triggers


def check_triggers(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Run by `manage.py check --database default`. A database that is not migrated yet has nothing to complain of."""
    return [message for alias in databases or () for message in _check(alias)]


def _check(alias: str) -> list[checks.CheckMessage]:
    connection = connections[alias]
    tables = connection.introspection.table_names()
    missing = missing_triggers(using=alias) if "peers" in tables else []
    if not missing:
        return []
    return [
        checks.Warning(
            f"Changes do not reach the node, locks among them: {', '.join(missing)} missing or outdated.",
            hint="Run: manage.py migrate",
            id="notify.W001",
        )
    ]
