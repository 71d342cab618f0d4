"""How each database notifies: one module for each vendor. Only `get_backend` is for others."""

from collections.abc import Sequence
from typing import Protocol

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.notify.backends.sqlite import SqliteBackend
from apps.notify.watched import WatchedTable


class NotifyBackend(Protocol):
    """Puts a notification into the transaction of every change of a watched table, whoever writes it."""

    def ensure(self, connection: BaseDatabaseWrapper, tables: Sequence[WatchedTable]) -> list[str]:
        """Make what is missing or outdated, and drop what is no longer wanted; tell the names. Idempotent."""
        ...

    def missing(self, connection: BaseDatabaseWrapper, tables: Sequence[WatchedTable]) -> list[str]:
        """The names of what is missing or outdated, without changing anything."""
        ...


def get_backend(connection: BaseDatabaseWrapper) -> NotifyBackend:
    """The backend of this database. Raises ImproperlyConfigured where there is none."""
    if connection.vendor == "sqlite":
        return SqliteBackend()
    raise ImproperlyConfigured(f"Alknet cannot notify from a {connection.vendor} database; use SQLite")
