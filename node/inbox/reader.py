"""The inbox as the web process reads it. It writes nothing there."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from node.core.enrolment.claim import Claim
from node.honker_file import Database
from node.inbox.schema import PRESENT, READ, claim_of
from node.journal.database import file_id, opened

PATIENCE_MS = 250


class InboxReplaced(Exception):
    """The path leads to another file than the one that is open, or to none."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A claim with its number, which says where to go on reading."""

    number: int
    claim: Claim


class InboxReader:
    """An open file. Everything here raises InboxReplaced, OSError, and RuntimeError where SQLite does."""

    def __init__(self, path: Path, database: Database) -> None:
        self._path = path
        self._database = database
        self._id = file_id(path)

    def identity(self) -> str | None:
        """What tells this inbox from another one; None where no claim was ever made."""
        self._check()
        if not self._database.query(PRESENT):
            return None
        found = self._database.query("SELECT id FROM inbox_identity")
        return str(found[0]["id"]) if found else None

    def read(self, after: int, limit: int) -> list[Arrived]:
        """At most `limit` claims with greater numbers, in their order."""
        self._check()
        return [Arrived(found["number"], claim_of(found)) for found in self._database.query(READ, [after, int(limit)])]

    def _check(self) -> None:
        try:
            if file_id(self._path) == self._id:
                return
        except FileNotFoundError:
            pass
        raise InboxReplaced(self._path)


@contextlib.contextmanager
def open_inbox(path: Path) -> Iterator[InboxReader]:
    """The file, as long as the block lasts. Raises FileNotFoundError, RuntimeError; it makes none."""
    file_id(path)
    with opened(path, PATIENCE_MS) as database:
        yield InboxReader(path, database)
