"""`node.db`, open for writing. The node is its only writer, so what stands in it is known without asking."""

import contextlib
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from node.core.journal import Event
from node.honker_file import Database, Transaction
from node.journal.database import file_id, opened
from node.journal.schema import INSERT, TABLES, VERSION, row

CHECKPOINT_PAGES = 256
"""Pages of the write-ahead log, 4 KiB each, that are carried into the file at once: 1 MiB stalls no loop."""
CACHE_KIB = 1024
"""Memory for pages. What is appended is never read again here."""
PRUNE_ROWS = 200
"""Rows that are deleted at once."""

_PROBE = "DELETE FROM _honker_notifications WHERE 0"
_AGED = """
    DELETE FROM events WHERE number IN (
        SELECT number FROM (SELECT number, at FROM events ORDER BY number LIMIT ?) WHERE at < ?)"""
_OLDEST = "DELETE FROM events WHERE number IN (SELECT number FROM events ORDER BY number LIMIT ?)"
_USED = """
    SELECT (c.page_count - f.freelist_count) * s.page_size AS used
    FROM pragma_page_count AS c, pragma_freelist_count AS f, pragma_page_size AS s"""


class JournalTooNew(Exception):
    """A newer version of this program has written the file, in a way that this one does not know."""

    def __init__(self, version: int) -> None:
        super().__init__(f"node.db has version {version}, and this program knows {VERSION}")


class JournalFile:
    """An open file. Every method raises RuntimeError where SQLite does."""

    def __init__(self, path: Path, database: Database, boot: str) -> None:
        self._path = path
        self._database = database
        self._boot = boot
        self._id = file_id(path)
        self.identity, last = _prepared(database)
        self.last = max(last, int(time.time() * 1000))
        """The number before the next. Numbers begin at the clock's milliseconds each time that the file is opened, so
        that none is given twice, though the file was restored or the machine's power failed."""

    @property
    def lost(self) -> bool:
        """Whether the path leads to another file now, or to none."""
        try:
            return file_id(self._path) != self._id
        except OSError:
            return True

    def append(self, events: Sequence[Event]) -> None:
        """Commit these, in their order, with numbers that follow on `last`."""
        rows = msgspec.json.encode([row(event, self._boot) for event in events]).decode()
        with self._database.transaction() as tx:
            tx.execute(INSERT, [self.last + 1, rows])
        self.last += len(events)

    def holds(self, number: int) -> bool:
        """Whether an event of this process's life stands under this number."""
        found = self._database.query("SELECT 1 FROM events WHERE number = ? AND boot = ?", [number, self._boot])
        return bool(found)

    def prune(self, before: float, max_size: int) -> bool:
        """Delete some events that are older than `before` (unix seconds) or too many. True if there may be more."""
        with self._database.transaction() as tx:
            tx.execute(_AGED, [PRUNE_ROWS, before])
            if aged := _changes(tx):
                return aged == PRUNE_ROWS
            if int(tx.query(_USED)[0]["used"]) <= max_size:
                return False
            tx.execute(_OLDEST, [PRUNE_ROWS])
            return _changes(tx) == PRUNE_ROWS


@contextlib.contextmanager
def open_journal_file(path: Path, boot: str) -> Iterator[JournalFile]:
    """The file, made with mode 0600 where there is none. Raises OSError, RuntimeError, JournalTooNew."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with opened(path, patience_ms=0) as database:
        yield JournalFile(path, database, boot)


def _prepared(database: Database) -> tuple[str, int]:
    """Its identity and the last number ever given, once it has its tables."""
    # honker's writing connection would wait 5 s for another process's lock, and the loop with it; this one does not.
    database.query(_PROBE)
    with database.transaction() as tx:
        for pragma in ("busy_timeout = 0", f"wal_autocheckpoint = {CHECKPOINT_PAGES}", f"cache_size = -{CACHE_KIB}"):
            tx.query(f"PRAGMA {pragma}")
        version = int(tx.query("PRAGMA user_version")[0]["user_version"])
        if version == 0:
            for statement in TABLES:
                tx.execute(statement)
        elif version != VERSION:
            raise JournalTooNew(version)
        return _identity(tx), _last(tx)


def _identity(tx: Transaction) -> str:
    """A restored file may come without one, and gets one of its own."""
    found = tx.query("SELECT id FROM journal_identity")
    if found:
        return str(found[0]["id"])
    made = secrets.token_hex(16)
    tx.execute("INSERT INTO journal_identity (id) VALUES (?)", [made])
    return made


def _last(tx: Transaction) -> int:
    found: list[Any] = tx.query("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
    return int(found[0]["seq"]) if found else 0


def _changes(tx: Transaction) -> int:
    return int(tx.query("SELECT changes() AS n")[0]["n"])
