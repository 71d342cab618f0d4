"""Connections that are kept open between requests.

Django makes a thread for each request, and so a connection for each: to open one, read the shape of the database and
fill an empty cache takes several times as long as what most pages ask of it.
"""

import os
import sqlite3
import threading
from pathlib import Path
from typing import NamedTuple


class FileId(NamedTuple):
    """Which file it is, whatever its name (stat(2))."""

    device: int
    number: int

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> "FileId | None":
        """None where there is no such file, as for a database in memory."""
        try:
            found = Path(path).stat()
        except OSError:
            return None
        return cls(found.st_dev, found.st_ino)


class KeptConnections:
    """The connections that nobody uses just now, the last one used on top: its cache is the warmest.

    None are kept until `keep` is called. Who has a connection from here has it alone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[tuple[FileId, sqlite3.Connection]] = []
        self._most = 0
        self._owner = 0

    def keep(self, most: int) -> None:
        """Keep up to `most` from now on in this process; with 0, close those that are kept."""
        with self._lock:
            self._most, self._owner = most, os.getpid()
            surplus = self._idle[most:]
            del self._idle[most:]
        for _, connection in surplus:
            connection.close()

    def take(self, file: FileId | None) -> sqlite3.Connection | None:
        """One to that file. Those to a file that it has replaced are closed: what they write nobody would see."""
        while idle := self._pop():
            if idle[0] == file:
                return idle[1]
            idle[1].close()
        return None

    def put(self, file: FileId | None, connection: sqlite3.Connection) -> bool:
        """Whether it is kept. One that is still in a transaction never is: another would go on with it."""
        if file is None or connection.in_transaction:
            return False
        with self._lock:
            kept = self._is_ours and len(self._idle) < self._most
            if kept:
                self._idle.append((file, connection))
        return kept

    def _pop(self) -> tuple[FileId, sqlite3.Connection] | None:
        with self._lock:
            return self._idle.pop() if self._idle and self._is_ours else None

    @property
    def _is_ours(self) -> bool:
        """A connection does not outlive a fork (sqlite.org/howtocorrupt.html, section 2.6)."""
        return self._owner == os.getpid()


KEPT = KeptConnections()
