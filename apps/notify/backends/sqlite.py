"""Notifications of SQLite: row triggers that insert into honker's table, inside the writing transaction.

A trigger catches every writer alike: the ORM's bulk methods, raw SQL, the sqlite3 shell. The row's id is the order of
commits. The payload is a hint: {"op","table","id","at"}, `at` in unix seconds when the statement ran.
"""

from collections.abc import Sequence

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.notify.backends.honker_tables import make_honker_tables
from apps.notify.watched import WatchedTable

NOTIFICATIONS = "_honker_notifications"
PREFIX = "alknet_notify_"
KEPT_ROWS = 10_000
"""Notifications that stay; a reader that falls further behind reads everything anew (decision 24)."""
PRUNE_EVERY = 256
"""Old rows go once in so many notifications, so that a single write seldom pays for it."""

# julianday counts milliseconds; 2440587.5 is the unix epoch. SQLite 3.40 has no finer clock.
_NOW = "round((julianday('now') - 2440587.5) * 86400.0, 3)"


class SqliteBackend:
    def ensure(self, connection: BaseDatabaseWrapper, tables: Sequence[WatchedTable]) -> list[str]:
        make_honker_tables(connection)
        wanted = _wanted(connection, tables)
        if _current(connection) == wanted:
            return []
        with transaction.atomic(using=connection.alias):
            return _replace(connection, wanted)

    def missing(self, connection: BaseDatabaseWrapper, tables: Sequence[WatchedTable]) -> list[str]:
        current = _current(connection)
        absent = [] if _has_notifications(connection) else [NOTIFICATIONS]
        existing = connection.introspection.table_names()
        absent += [table.name for table in tables if table.name not in existing]
        return absent + [name for name, sql in _wanted(connection, tables).items() if current.get(name) != sql]


def _replace(connection: BaseDatabaseWrapper, wanted: dict[str, str]) -> list[str]:
    """Bring the triggers from what they are inside this transaction to what they should be."""
    current = _current(connection)
    changed = sorted(name for name in current.keys() | wanted.keys() if current.get(name) != wanted.get(name))
    with connection.cursor() as cursor:
        for name in changed:
            cursor.execute(f'DROP TRIGGER IF EXISTS "{name}"')
            if name in wanted:
                cursor.execute(wanted[name])
    return changed


def _wanted(connection: BaseDatabaseWrapper, tables: Sequence[WatchedTable]) -> dict[str, str]:
    """Every trigger by name, for the watched tables that exist."""
    existing = set(connection.introspection.table_names())
    return {name: sql for table in tables if table.name in existing for name, sql in _triggers(table).items()}


def _current(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """Our triggers as the file has them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        return {name: sql for name, sql in cursor.fetchall() if name.startswith(PREFIX)}


def _has_notifications(connection: BaseDatabaseWrapper) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = %s", [NOTIFICATIONS])
        return cursor.fetchone() is not None


def _triggers(table: WatchedTable) -> dict[str, str]:
    """A change of the primary key is the end of one row and the birth of another: readers know rows by their key."""
    old, new = f'OLD."{table.primary_key}"', f'NEW."{table.primary_key}"'
    born, gone = _notify(table, "insert", new), _notify(table, "delete", old)
    triggers = [
        _trigger(table, "insert", "AFTER INSERT", born),
        _trigger(table, "delete", "AFTER DELETE", gone),
        _trigger(table, "update", "AFTER UPDATE", _notify(table, "update", new), when=f"{new} IS {old}"),
        _trigger(table, "rename", "AFTER UPDATE", gone + born, when=f"{new} IS NOT {old}"),
    ]
    if table.unique:
        triggers.append(_trigger(table, "evict_insert", "BEFORE INSERT", _evictions(table, new)))
        triggers.append(_trigger(table, "evict_update", "BEFORE UPDATE", _evictions(table, old)))
    return dict(triggers)


def _trigger(table: WatchedTable, kind: str, event: str, body: str, *, when: str = "") -> tuple[str, str]:
    name = f"{PREFIX}{table.name}_{kind}"
    condition = f"WHEN {when} " if when else ""
    return name, f'CREATE TRIGGER "{name}" {event} ON "{table.name}" {condition}BEGIN {body}END'


def _evictions(table: WatchedTable, written: str) -> str:
    """Notify of the rows that an OR REPLACE is about to remove, for which SQLite fires no DELETE trigger.

    `written` is the key of the row being written. A statement without OR REPLACE fails at such a row, and takes the
    notification back with it.
    """
    key = f'"{table.primary_key}"'
    return "".join(
        f"INSERT INTO {NOTIFICATIONS} (channel, payload) SELECT '{table.channel}', {_payload(table, 'delete', key)} "  # noqa: S608 - constants of this module
        f'FROM "{table.name}" WHERE "{column}" = NEW."{column}" AND {key} IS NOT {written}; '
        for column in table.unique
    )


def _notify(table: WatchedTable, op: str, key: str) -> str:
    """One notification, and the removal of old ones. Inside a trigger last_insert_rowid() is the trigger's own."""
    bound = f"CASE WHEN last_insert_rowid() % {PRUNE_EVERY} = 0 THEN last_insert_rowid() - {KEPT_ROWS} ELSE 0 END"
    values = f"'{table.channel}', {_payload(table, op, key)}"
    insert = f"INSERT INTO {NOTIFICATIONS} (channel, payload) VALUES ({values}); "  # noqa: S608 - constants of this module
    return insert + f"DELETE FROM {NOTIFICATIONS} WHERE id <= {bound}; "  # noqa: S608 - constants of this module


def _payload(table: WatchedTable, op: str, key: str) -> str:
    return f"json_object('op', '{op}', 'table', '{table.name}', 'id', {key}, 'at', {_NOW})"
