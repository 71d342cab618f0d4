"""Every row of every table, to see whether anything was written."""

import hashlib
from collections.abc import Iterable

from django.db import connection

KEPT_OF_WHOEVER_ASKS = {
    "django_session": "that somebody is signed in",
    "usersessions_usersession": "the same, as they see it themselves",
}
"""Tables that a request may write though it is refused, and what they keep."""


def written(*, besides: Iterable[str] = ()) -> dict[str, str]:
    """A digest of the rows of each table, but for these. Two are the same where nothing was written in between."""
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor)) - set(besides)
        return {table: _digest(cursor, table) for table in sorted(tables)}


def _digest(cursor: object, table: str) -> str:
    found = hashlib.sha256()
    cursor.execute(f'SELECT * FROM "{table}"')  # type: ignore[attr-defined]
    for row in cursor.fetchall():  # type: ignore[attr-defined]
        found.update(repr(row).encode())
    return found.hexdigest()
