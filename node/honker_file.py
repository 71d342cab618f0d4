"""An SQLite file through honker, which alone opens it in this process (decision 13).

honker keeps the interpreter lock while it works and while it waits, so its calls gain nothing from a thread: they run
on the loop, and are kept short instead.
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

    def query(self, sql: str, params: Sequence[object] | None = None) -> list[Row]:
        """Each call is one snapshot: it sees every commit before it, and none while it runs."""
        ...

    def transaction(self) -> AbstractContextManager[Transaction]: ...

    def update_events(self) -> AsyncIterator[None]:
        """One item for each commit of anybody, several at once coalesced. RuntimeError once the file is replaced."""
        ...

    def close(self) -> None: ...


@contextlib.contextmanager
def opened(path: Path, **options: int) -> Iterator[Database]:
    """The file, open while the block lasts; `options` are honker's own, such as max_readers. Raises RuntimeError.

    `honker.open` would do the same, and then begin a write, to make tables for queues that we do not have: for as long
    as another process writes, up to 5 s, this whole process would stand still. What lies under it writes only into a
    file that honker has never seen: it sets WAL and makes the table of notifications.
    """
    database: Database = _honker_native.open(str(path), **options)
    try:
        yield database
    finally:
        database.close()
