"""The door to `node.db`: honker, and nothing else in this process, opens it (decision 13)."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from node.honker_file import Database
from node.honker_file import opened as opened_by_honker


@contextlib.contextmanager
def opened(path: Path, patience_ms: int) -> Iterator[Database]:
    """The file through honker, with one reading connection, which waits so long for a lock. Raises RuntimeError."""
    with opened_by_honker(path, max_readers=1) as database:
        database.query(f"PRAGMA busy_timeout = {patience_ms:d}")
        yield database


def file_id(path: Path) -> tuple[int, int]:
    """What tells a file from another one at the same path. Raises OSError."""
    found = path.stat()
    return found.st_dev, found.st_ino
