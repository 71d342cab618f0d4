"""How much a tree holds, against its quota: counted once, and then kept up with by everything that is done through us.

A file's bytes are its length, holes included, so that a hole costs nothing to whoever fills it later. They are charged
before they are written. Of one file one length is changed at a time, and of one tree one name is taken away or moved at
a time, so that what is charged is what there is, whoever races whom. Who else writes to the directory is seen when it
is counted again.
"""

import errno
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from node.handlers.sftp.directory.quota import Quota, Usage

RECOUNT_EVERY = 900.0
"""Seconds after which the next charge has everything counted again."""


@dataclass(slots=True)
class Held:
    """A file that is open here, however often: the length charged for it, and whether it has no name any more.

    Whoever changes its length, or charges for that, has `changing` from before the charge until after the change.
    """

    key: tuple[int, int]
    size: int
    holders: int = 0
    nameless: bool = False
    changing: threading.Lock = field(default_factory=threading.Lock)


class Ledger:
    """Of one tree, for all threads. `count` looks at all of it, and may take long."""

    def __init__(self, quota: Quota, count: Callable[[], Usage], clock: Callable[[], float] = time.monotonic) -> None:
        self._quota = quota
        self._count = count
        self._clock = clock
        self._lock = threading.Lock()
        self._counting = threading.Lock()
        self._counted_at: float | None = None
        self._size = 0
        self._files = 0
        self._unsure = False
        """Whether something was taken away or moved while all was counted, which may have been seen twice, or never."""
        self._held: dict[tuple[int, int], Held] = {}
        self._going: tuple[int, int] | None = None
        """What a name is being taken away of, which has not been given back yet."""
        self.naming = threading.RLock()
        """Had by whoever takes a name away, or moves it, from before the file is found until that is told, and by
        whoever makes one while it is made."""

    @property
    def quota(self) -> Quota:
        return self._quota

    def follow(self, quota: Quota) -> None:
        """Another quota from now on. All is counted before the next charge, as nobody had to while there was none."""
        if quota != self._quota:
            self._quota, self._counted_at = quota, None

    @property
    def is_uncounted(self) -> bool:
        """Whether the next charge waits until all is counted."""
        return self._quota.bounds and self._counted_at is None

    def usage(self) -> Usage:
        """What is charged now. Counts first where that has not been done."""
        self._count_again()
        with self._lock:
            return Usage(max(0, self._size), max(0, self._files))

    def opened(self, target: int | str) -> Held:
        """One more has this file open, who calls `closed` at the end: a descriptor, or a path to exactly that."""
        with self._lock:  # whoever changes its length has it open, so that no length is old here that is new
            found = os.stat(target)  # noqa: PTH116 - of a descriptor too
            key = (found.st_dev, found.st_ino)
            held = self._held.get(key)
            if held is None:
                is_gone = not found.st_nlink and key != self._going
                held = self._held[key] = Held(key, found.st_size, nameless=is_gone)
                self._size += found.st_size if held.nameless else 0  # which has been given back, and is used again
            held.holders += 1
            return held

    def closed(self, held: Held) -> None:
        with self._lock:
            held.holders -= 1
            if held.holders == 0:
                self._held.pop(held.key, None)
                self._size -= held.size if held.nameless else 0

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """A name is made inside, and charged for unless that fails. Raises OSError with EDQUOT before."""
        self._count_again()
        with self._lock:
            self._check(0, 1)
            self._files += 1
        try:
            with self.naming:
                yield
        except OSError:
            with self._lock:
                self._files -= 1
            raise

    def grow(self, held: Held, size: int) -> None:
        """Charge for a file of so many bytes, if it had fewer. Raises OSError with EDQUOT, and nothing is charged."""
        if size <= held.size:
            return
        self._count_again()
        with self._lock:
            more = size - held.size
            self._check(more, 0)
            self._size += more
            held.size = size

    def is_now(self, held: Held, size: int) -> None:
        """The file has so many bytes, whatever was charged."""
        with self._lock:
            self._unsure |= size < held.size
            self._size += size - held.size
            held.size = size

    @contextmanager
    def one_less(self, node: int | None) -> Iterator[None]:
        """A name of this, if it is anything, is taken away inside; with the last one its bytes, once it is closed."""
        if node is None:
            yield
            return
        found = os.fstat(node)
        self._going = (found.st_dev, found.st_ino)
        try:
            yield
        except OSError:
            self._going = None
            raise
        with self._lock:
            self._going = None
            self._gone(os.fstat(node))

    def _gone(self, found: os.stat_result) -> None:
        self._unsure = True
        self._files -= 1
        if found.st_nlink or not stat.S_ISREG(found.st_mode):
            return
        held = self._held.get((found.st_dev, found.st_ino))
        if held is not None:
            held.nameless = True
        else:
            self._size -= found.st_size

    def moved(self) -> None:
        """Something has another name."""
        self._unsure = True

    def _check(self, size: int, files: int) -> None:
        over_size = self._quota.size and size and self._size + size > self._quota.size
        over_files = self._quota.files and files and self._files + files > self._quota.files
        if over_size or over_files:
            raise OSError(errno.EDQUOT, "the quota is used up")

    def _count_again(self) -> None:
        """Where nothing is counted yet, everybody waits; where it was long ago, only whoever does it."""
        if not self._quota.bounds or not self._is_due():
            return
        if not self._counting.acquire(blocking=self.is_uncounted):
            return
        try:
            if self._is_due():
                self._take(*self._look())
        finally:
            self._counting.release()

    def _is_due(self) -> bool:
        return self._counted_at is None or self._clock() - self._counted_at > RECOUNT_EVERY

    def _look(self) -> tuple[Usage, Usage]:
        """What there is, and what was charged when the look began; files without a name are seen by nobody."""
        with self._lock:
            nameless = sum(held.size for held in self._held.values() if held.nameless)
            before = Usage(self._size - nameless, self._files)
            self._unsure = False
        return self._count(), before

    def _take(self, there: Usage, before: Usage) -> None:
        """With what was charged during the look, which may have seen it or not: the next look makes that good.

        A look is not believed to have found less where names were taken away or moved beneath it, or not all was seen.
        """
        size, files = there.size - before.size, there.files - before.files
        with self._lock:
            if (self._unsure or there.unseen) and self._counted_at is not None:
                size, files = max(0, size), max(0, files)
            self._size += size
            self._files += files
            self._counted_at = self._clock()
