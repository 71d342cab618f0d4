"""What would empty all tables between tests copies the database as it was made, sequences, triggers and queues too.

Nothing has to be migrated, granted or protected anew after that, as there is after Django's own way.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any

from django.db.backends.sqlite3 import base

from alknet_site.database.base import DatabaseWrapper as Kept


class DatabaseCreation(base.DatabaseCreation):
    as_made = sqlite3.connect(":memory:", check_same_thread=False)

    def create_test_db(self, *args: Any, **options: Any) -> str:
        name: str = super().create_test_db(*args, **options)
        self.connection.ensure_connection()
        self.connection.connection.backup(self.as_made)
        return name


class DatabaseOperations(base.DatabaseOperations):
    def sql_flush(self, *_: Any, **__: Any) -> list[str]:
        """No statement does it, and no signal is due."""
        return []

    def execute_sql_flush(self, sql_list: Iterable[str]) -> None:
        """Raises sqlite3.OperationalError if somebody writes for longer than one waits for a lock."""
        self.connection.ensure_connection()
        DatabaseCreation.as_made.backup(self.connection.connection, progress=_give_up_if_busy)


class DatabaseWrapper(Kept):
    creation_class = DatabaseCreation
    ops_class = DatabaseOperations


def _give_up_if_busy(status: int, _remaining: int, _total: int) -> None:
    """The backup itself would try for ever."""
    if status not in (sqlite3.SQLITE_OK, sqlite3.SQLITE_DONE):
        raise sqlite3.OperationalError("the database is in use after the test")
