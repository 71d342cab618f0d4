"""Keeping the notifications of the watched tables in place."""

from django.db import connections

from apps.notify.backends import get_backend
from apps.notify.watched import WATCHED_TABLES


def ensure_triggers(*, using: str = "default") -> list[str]:
    """Make every trigger that is missing or outdated, and tell which. Milliseconds where nothing is to do."""
    connection = connections[using]
    return get_backend(connection).ensure(connection, WATCHED_TABLES)
