"""The rows of the audit log as the table has them, read and written letter by letter, around Django's conversions."""

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, OperationalError, connection

from apps.audit.chain import GENESIS, Link, Row
from apps.audit.models import AuditEntry

_TABLE = AuditEntry._meta.db_table
_COLUMNS = ("id", "at", "actor_kind", "actor_name", "action", "object_type", "object_id", "before", "after")
_ALL = (*_COLUMNS, "request_id", "hash")
_INSERT = f"INSERT INTO {_TABLE} ({', '.join(_ALL)}) VALUES ({', '.join(['%s'] * len(_ALL))})"  # noqa: S608 - constants
# The plus makes an expression of a column, which has no declared type that Django would convert by.
_SELECT = f"SELECT {', '.join(f'+{name}' for name in _ALL)} FROM {_TABLE}"  # noqa: S608 - constants
_PAGE = f"{_SELECT} WHERE id > %s ORDER BY id LIMIT %s"
_FIRST = f"{_SELECT} ORDER BY id LIMIT %s"
_HEAD = f"SELECT id, hash FROM {_TABLE} ORDER BY id DESC LIMIT 1"  # noqa: S608 - constants


def head() -> tuple[int, str]:
    """The number and the hash of the last row; 0 and the genesis where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_HEAD)
        return cursor.fetchone() or (0, GENESIS)


def append(links: Iterable[Link]) -> None:
    """Write rows that continue the chain, in the open transaction. Raises IntegrityError where one was not taken."""
    values = [(*link.row, link.hash) for link in links]
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT, values)
        if values and cursor.rowcount != len(values):
            raise IntegrityError("the audit log took no row: a trigger that is not ours ignores it")


def read_links(after: int, limit: int) -> list[Link]:
    """At most `limit` rows above a number, by growing number. After 0 also those whose number is none: below 1."""
    statement, values = (_PAGE, (after, limit)) if after > 0 else (_FIRST, (limit,))
    try:
        return _read(statement, values)
    except OperationalError:  # a text is not UTF-8, which Python's own reading ends with
        return _read_anything(statement, values)


def _read(statement: str, values: tuple[int, ...]) -> list[Link]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [Link(Row(*found[:-1]), found[-1]) for found in cursor.fetchall()]


def _read_anything(statement: str, values: tuple[int, ...]) -> list[Link]:
    """With bytes that are no UTF-8 as lone surrogates, which no hash can be made of."""
    raw: Any = connection.connection
    usual, raw.text_factory = raw.text_factory, lambda text: text.decode("utf-8", "surrogateescape")
    try:
        return _read(statement, values)
    finally:
        raw.text_factory = usual
