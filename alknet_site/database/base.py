"""The engine that settings name: Django imports `DatabaseWrapper` from a module of this name."""

import sqlite3
from typing import Any

from django.db.backends.sqlite3 import base

from alknet_site.database.kept import KEPT, FileId


class DatabaseWrapper(base.DatabaseWrapper):
    """Takes a connection that is kept where there is one, and gives its own back when Django closes it."""

    _file: FileId | None = None
    """That the connection is to; None where it is not sure."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        self._file = FileId.of(conn_params["database"])
        return KEPT.take(self._file) or self._open(conn_params)

    def _open(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        opened: sqlite3.Connection = super().get_new_connection(conn_params)
        if FileId.of(conn_params["database"]) != self._file:  # made by this, or replaced meanwhile
            self._file = None
        return opened

    def _close(self) -> None:
        """One that has met an error is not trusted any further."""
        if self.connection is None or self.errors_occurred or not KEPT.put(self._file, self.connection):
            super()._close()  # type: ignore[misc] # the stubs leave it out
