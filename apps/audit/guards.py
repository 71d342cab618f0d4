"""Keeping the triggers in place that make the audit log append-only (node.core.append_only)."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from node.core.append_only import append_only_triggers, concerns, wrong_triggers


def ensure_guards(*, using: str = "default") -> list[str]:
    """Make every trigger that is missing or outdated, drop what is none of them, and tell which. Idempotent."""
    connection = _sqlite(using)
    wanted, current = append_only_triggers(_tables(connection)), _current(connection)
    changed = sorted(name for name in current.keys() | wanted.keys() if current.get(name) != wanted.get(name))
    if changed:
        with transaction.atomic(using=using), connection.cursor() as cursor:
            for name in changed:
                cursor.execute(_drop(name))
                if name in wanted:
                    cursor.execute(wanted[name])
    return changed


def wrong_guards(*, using: str = "default") -> list[str]:
    """The names of what `ensure_guards` would make or drop."""
    connection = _sqlite(using)
    return wrong_triggers(_tables(connection), _current(connection))


@contextmanager
def without_guards(*, using: str = "default") -> Iterator[None]:
    """For the time of the block rows can be changed: a migration may have to, and a test plays the one who tampers."""
    connection = _sqlite(using)
    with connection.cursor() as cursor:
        for name in _current(connection):
            cursor.execute(_drop(name))
    try:
        yield
    finally:
        ensure_guards(using=using)


def _drop(name: str) -> str:
    quoted = name.replace('"', '""')
    return f'DROP TRIGGER IF EXISTS "{quoted}"'


def _tables(connection: BaseDatabaseWrapper) -> list[str]:
    return connection.introspection.table_names()


def _current(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """Our triggers as the file has them, and whatever other ones are on these tables."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
        return {name: sql for name, table, sql in cursor.fetchall() if concerns(name, table)}


def _sqlite(using: str) -> BaseDatabaseWrapper:
    connection = connections[using]
    if connection.vendor != "sqlite":
        raise ImproperlyConfigured(f"Alknet cannot guard the audit log in a {connection.vendor} database; use SQLite")
    return connection
