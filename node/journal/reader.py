"""The journal as other processes read it. They write nothing into it.

Its numbers grow, with gaps, and none is ever given twice, so a reader that keeps the identity and the last number that
it has seen goes on where it was, whatever happened to either side.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from node.honker_file import Database
from node.journal.chosen import EVERYTHING, Chosen
from node.journal.database import file_id, opened
from node.journal.schema import COLUMNS, VERSION, Record, record

PATIENCE_MS = 250
"""A reader is locked out only while the file is being recovered after a kill, or its log is taken away."""
_COLUMNS = f"number, {', '.join(COLUMNS)}"


class JournalMissing(Exception):
    """There is no journal yet, or no longer: the node makes one when it starts."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"no journal at {path}")


class JournalReplaced(Exception):
    """The path leads to another file than the one that is open. Open it anew: its identity may be another."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"the journal at {path} is another one now")


class JournalReader:
    """An open journal. Everything here raises JournalMissing or JournalReplaced once the file is not the same any more,
    and RuntimeError where SQLite does."""

    def __init__(self, path: Path, database: Database) -> None:
        self._path = path
        self._database = database
        self._id = _file_id(path)
        self._events: AsyncIterator[None] | None = None
        self.identity = self._identity()

    @property
    def oldest(self) -> int | None:
        """The number of the oldest event; None where there is none."""
        return self._number("min")

    @property
    def newest(self) -> int | None:
        return self._number("max")

    def read(self, after: int, limit: int, chosen: Chosen = EVERYTHING) -> list[Record]:
        """At most `limit` events with greater numbers, in their order."""
        self._check()
        return self._records(chosen, "number > ?", [after], f"ORDER BY number LIMIT {int(limit)}")

    def tail(self, count: int, chosen: Chosen = EVERYTHING) -> list[Record]:
        """The newest ones, in their order."""
        self._check()
        return self._records(chosen, "number > 0", [], f"ORDER BY number DESC LIMIT {int(count)}")[::-1]

    async def wait(self) -> None:
        """Wait for a commit since `watch` was called, or since this returned; several may count as one.

        Where `watch` comes before the first `read`, no commit falls between.
        """
        self._check()
        try:
            await anext(self.watch())
        except (RuntimeError, StopAsyncIteration):
            self._check()
            raise JournalReplaced(self._path) from None

    def watch(self) -> AsyncIterator[None]:
        """Have commits from now on noticed by `wait`. Needs a running loop."""
        if self._events is None:
            self._events = self._database.update_events()
        return self._events

    def _records(self, chosen: Chosen, where: str, params: list[object], order: str) -> list[Record]:
        conditions, more = chosen.conditions()
        sql = f"SELECT {_COLUMNS} FROM events WHERE {' AND '.join([where, *conditions])} {order}"  # noqa: S608 - no text from outside
        return [record(found) for found in self._database.query(sql, [*params, *more])]

    def _check(self) -> None:
        if _file_id(self._path) != self._id:
            raise JournalReplaced(self._path)

    def _identity(self) -> str:
        """Raises JournalMissing where the tables are not made yet."""
        version = int(self._database.query("PRAGMA user_version")[0]["user_version"])
        if version != VERSION:
            raise JournalMissing(self._path) if version == 0 else RuntimeError(f"node.db has version {version}")
        found = self._database.query("SELECT id FROM journal_identity")
        if not found:
            raise JournalMissing(self._path)
        return str(found[0]["id"])

    def _number(self, which: str) -> int | None:
        self._check()
        found = self._database.query(f"SELECT {which}(number) AS number FROM events")  # noqa: S608 - min or max
        return None if found[0]["number"] is None else int(found[0]["number"])


@contextlib.contextmanager
def open_journal(path: Path) -> Iterator[JournalReader]:
    """The journal for reading, for as long as the block lasts. Raises JournalMissing, RuntimeError."""
    if _file_id(path) == (0, 0):
        raise JournalMissing(path)
    with opened(path, PATIENCE_MS) as database:
        yield JournalReader(path, database)


def _file_id(path: Path) -> tuple[int, int]:
    try:
        return file_id(path)
    except OSError:
        raise JournalMissing(path) from None
