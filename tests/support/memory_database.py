"""A SQLite database in memory behind the store's own interface: real SQL and real triggers, without a file to wait for.

`before_query` is called ahead of each query, as another process's commit may come there.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from tests.support.schema import TABLES, Statement, honker_tables, triggers


class MemoryDatabase:
    """Migrated and empty."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.row_factory = _as_dict
        self._connection.executescript(honker_tables() + TABLES + triggers())
        self.before_query: Callable[[], object] = lambda: None

    def query(self, sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        self.before_query()
        return self._connection.execute(sql, params).fetchall()

    def commit(self, *statements: Statement) -> None:
        """Run all in one transaction."""
        self._connection.execute("BEGIN")
        for sql, values in statements:
            self._connection.execute(sql, values)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


def _as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}
