"""The one door to the file: honker, and nothing else in this process, opens it (decision 13)."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from node.honker_file import Database, opened


class DatabaseMissing(Exception):
    """There is no file yet, or no longer. The node never makes one: that is for `migrate`."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"no database file at {path}")


@contextlib.contextmanager
def open_database(path: Path) -> Iterator[Database]:
    """The file through honker. Raises DatabaseMissing."""
    if not path.is_file():
        raise DatabaseMissing(path)
    with opened(path) as database:
        yield database
