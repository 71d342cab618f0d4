"""How much a tree holds, against its quota: counted once, and then kept up with by everything that is done through us.

A file's bytes are its length, holes included, so that a hole costs nothing to whoever fills it later. They are charged
before they are written. Who else writes to the directory is seen when it is counted again.
"""

import errno
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from os import stat_result
from typing import NamedTuple

RECOUNT_EVERY = 900.0
"""Seconds after which the next charge has everything counted again."""


class Usage(NamedTuple):
    """Bytes, and names of files, directories and links."""

    size: int
    files: int


@dataclass(frozen=True, slots=True)
class Quota:
    """What a tree may hold; 0 is no bound."""

    size: int = 0
    files: int = 0


NO_QUOTA = Quota()


@dataclass(slots=True)
class Held:
    """A file that is open here, however often: the length charged for it, and whether it has no name any more."""

    key: tuple[int, int]
    size: int
    holders: int = 0
    nameless: bool = False


class Ledger:
    """Of one tree, for all threads. `count` looks at all of it, and may take long."""

    def __init__(self, quota: Quota, count: Callable[[], Usage], clock: Callable[[], float] = time.monotonic) -> None:
        self.quota = quota
        self._count = count
        self._clock = clock
        self._lock = threading.Lock()
        self._counting = threading.Lock()
        self._counted_at: float | None = None
        self._size = 0
        self._files = 0
        self._held: dict[tuple[int, int], Held] = {}

    @property
    def bounded(self) -> bool:
        return bool(self.quota.size or self.quota.files)

    def usage(self) -> Usage:
        """What is charged now. Counts first where that has not been done."""
        self._count_again()
        with self._lock:
            return Usage(max(0, self._size), max(0, self._files))

    def opened(self, found: stat_result) -> Held:
        """One more has this file open, who calls `closed` at the end."""
        with self._lock:
            key = (found.st_dev, found.st_ino)
            held = self._held.setdefault(key, Held(key, found.st_size))
            held.holders += 1
            return held

    def closed(self, held: Held) -> None:
        with self._lock:
            held.holders -= 1
            if held.holders == 0:
                self._held.pop(held.key, None)
                self._size -= held.size if held.nameless else 0

    def made(self) -> None:
        """Charge for one more name. Raises OSError with EDQUOT, and nothing is charged."""
        self._count_again()
        with self._lock:
            self._check(0, 1)
            self._files += 1

    def unmade(self) -> None:
        """That came to nothing, or is gone."""
        with self._lock:
            self._files -= 1

    def grow(self, held: Held, size: int) -> None:
        """Charge for a file of so many bytes, if it had fewer. Raises OSError with EDQUOT, and nothing is charged."""
        if size <= held.size:
            return
        self._count_again()
        with self._lock:
            more = max(0, size - held.size)
            self._check(more, 0)
            self._size += more
            held.size += more

    def append(self, held: Held, count: int) -> None:
        """Charge for `count` bytes at the end, wherever that is."""
        self.grow(held, held.size + count)

    def is_now(self, held: Held, size: int) -> None:
        """The file has so many bytes, whatever was charged."""
        with self._lock:
            self._size += size - held.size
            held.size = size

    def gone(self, found: stat_result) -> None:
        """A name is gone; with the last one go its file's bytes, once nobody here has it open."""
        with self._lock:
            self._files -= 1
            held = self._held.get((found.st_dev, found.st_ino))
            if found.st_nlink > 1:
                return
            if held is not None:
                held.nameless = True
            else:
                self._size -= found.st_size

    def _check(self, size: int, files: int) -> None:
        over_size = self.quota.size and size and self._size + size > self.quota.size
        over_files = self.quota.files and files and self._files + files > self.quota.files
        if over_size or over_files:
            raise OSError(errno.EDQUOT, "the quota is used up")

    def _count_again(self) -> None:
        """Where nothing is counted yet, everybody waits; where it was long ago, only whoever does it."""
        if not self.bounded or not self._is_due():
            return
        if not self._counting.acquire(blocking=self._counted_at is None):
            return
        try:
            if self._is_due():
                self._take(*self._look())
        finally:
            self._counting.release()

    def _is_due(self) -> bool:
        return self._counted_at is None or self._clock() - self._counted_at > RECOUNT_EVERY

    def _look(self) -> tuple[Usage, int, int]:
        """What there is, and what was charged when the look began; files without a name are seen by nobody."""
        with self._lock:
            nameless = sum(held.size for held in self._held.values() if held.nameless)
            before = (self._size - nameless, self._files)
        return (self._count(), *before)

    def _take(self, there: Usage, size: int, files: int) -> None:
        """With what was charged during the look, which may have seen it or not: the next look makes that good."""
        with self._lock:
            self._size += there.size - size
            self._files += there.files - files
            self._counted_at = self._clock()
