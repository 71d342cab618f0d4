"""Keeping the notifications of the watched tables in place."""

from django.db import connections

from apps.notify.backends import get_backend
from apps.notify.watched import WATCHED_TABLES


def ensure_triggers(*, using: str = "default") -> list[str]:
    """Make every trigger that is missing or outdated, and tell which. Milliseconds where nothing is to do."""
    connection = connections[using]
    return get_backend(connection).ensure(connection, WATCHED_TABLES)


def missing_triggers(*, using: str = "default") -> list[str]:
    """The names of what `ensure_triggers` would make; honker's table where there is not even that."""
    connection = connections[using]
    return get_backend(connection).missing(connection, WATCHED_TABLES)
