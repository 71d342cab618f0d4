"""The door to `node.db`: honker, and nothing else in this process, opens it (decision 13).

honker keeps the interpreter lock while it works, so its calls run on the loop and are kept short.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from honker import _honker_native

Row = Mapping[str, Any]


class Transaction(Protocol):
    """A write transaction (BEGIN IMMEDIATE)."""

    def query(self, sql: str, params: Sequence[object] | None = None) -> list[Row]: ...

    def execute(self, sql: str, params: Sequence[object] | None = None) -> None: ...


class Database(Protocol):
    """What we use of an open honker database. All of it raises RuntimeError where SQLite does."""

    def query(self, sql: str, params: Sequence[object] | None = None) -> list[Row]: ...

    def transaction(self) -> AbstractContextManager[Transaction]: ...

    def update_events(self) -> AsyncIterator[None]:
        """One item for each commit of anybody, several at once coalesced. RuntimeError once the file is replaced."""
        ...

    def close(self) -> None: ...


@contextlib.contextmanager
def opened(path: Path, patience_ms: int) -> Iterator[Database]:
    """The file through honker, with one reading connection, which waits so long for a lock. Raises RuntimeError."""
    database: Database = _honker_native.open(str(path), max_readers=1)
    try:
        database.query(f"PRAGMA busy_timeout = {patience_ms:d}")
        yield database
    finally:
        database.close()


def file_id(path: Path) -> tuple[int, int]:
    """What tells a file from another one at the same path. Raises OSError."""
    found = path.stat()
    return found.st_dev, found.st_ino
