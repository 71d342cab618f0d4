"""The root that a client sees: the buckets that it may see, and below each its files."""

import errno
import logging
import stat as modes
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path as Directory
from typing import Protocol

from node.core.live import Live
from node.handlers.sftp.backend import Backend, Listing, OpenFile, Path
from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.codec.extensions import Space
from node.handlers.sftp.codec.numbers import OpenFlags
from node.handlers.sftp.codec.packets import Entry
from node.handlers.sftp.directory.backend import DirectoryBackend
from node.handlers.sftp.directory.ledger import Quota
from node.handlers.sftp.limits import BucketSettings, SftpLimits
from node.handlers.sftp.refusals import Denied
from node.handlers.sftp.rights import Right, Rights

logger = logging.getLogger(__name__)

_WRITING = ~OpenFlags.READ


class Buckets(Protocol):
    """Which there are at this moment."""

    def names(self) -> tuple[str, ...]: ...

    def get(self, name: str) -> "Bucket | None": ...


@dataclass(frozen=True, slots=True)
class Bucket:
    """Files, and whether they are all as they stay."""

    backend: Backend
    read_only: bool = False


class DirectoryBuckets:
    """As the settings have them now. One that did not change keeps what it knows of its quota.

    None has anything of the directory `never` in it, which holds the node's own secrets: that one is not there.
    """

    def __init__(self, limits: Live[SftpLimits], threads: ThreadPoolExecutor, never: Directory | None) -> None:
        self._limits = limits
        self._threads = threads
        self._never = None if never is None else never.resolve()
        self._made: dict[str, tuple[BucketSettings, Bucket | None]] = {}

    def names(self) -> tuple[str, ...]:
        return tuple(name for name in self._limits.value.buckets if self.get(name) is not None)

    def get(self, name: str) -> Bucket | None:
        wanted = self._limits.value.buckets.get(name)
        made = self._made.get(name)
        if wanted is None:
            self._made.pop(name, None)
            return None
        if made is None or (made[0] is not wanted and made[0] != wanted):
            made = self._made[name] = (wanted, self._make(name, wanted))
        return made[1]

    def _make(self, name: str, wanted: BucketSettings) -> Bucket | None:
        directory = wanted.directory.resolve()
        if self._never is not None and (directory.is_relative_to(self._never) or self._never.is_relative_to(directory)):
            logger.error("a bucket is not served, as the node's own data is in its directory", extra={"bucket": name})
            return None
        quota = Quota(wanted.quota_bytes, wanted.quota_files)
        return Bucket(DirectoryBackend(str(wanted.directory), self._threads, quota, wanted.umask), wanted.read_only)


class BucketTree(Backend):
    """All buckets as one tree, for one session. Each call asks for its rights first, those on open files too.

    A bucket that the client has no right to does not exist for it.
    """

    def __init__(self, buckets: Buckets, rights: Rights) -> None:
        self._buckets = buckets
        self._rights = rights

    async def open(self, path: Path, flags: OpenFlags, attributes: Attributes) -> OpenFile:
        if not flags & (OpenFlags.READ | OpenFlags.WRITE | OpenFlags.APPEND):
            raise OSError(errno.EINVAL, "opened for nothing")
        rights = [Right.READ] if flags & OpenFlags.READ else []
        rights += [Right.WRITE] if flags & _WRITING else []
        bucket, rest = self._inside(path, *rights)
        opened = await bucket.backend.open(rest, flags, attributes)
        return GuardedFile(opened, lambda *needed: self._demand(path[0], *needed))

    async def list(self, path: Path) -> Listing:
        if not path:
            return RootListing(self._seen())
        bucket, rest = self._bucket(path, Right.READ)
        opened = await bucket.backend.list(rest)
        return GuardedListing(opened, lambda *needed: self._demand(path[0], *needed))

    async def stat(self, path: Path) -> Attributes:
        if not path:
            return root_attributes()
        bucket, rest = self._bucket(path, *([Right.READ] if len(path) > 1 else []))
        return await bucket.backend.stat(rest)

    async def lstat(self, path: Path) -> Attributes:
        if len(path) < 2:
            return await self.stat(path)
        bucket, rest = self._bucket(path, Right.READ)
        return await bucket.backend.lstat(rest)

    async def change(self, path: Path, attributes: Attributes) -> None:
        bucket, rest = self._inside(path, Right.WRITE)
        await bucket.backend.change(rest, attributes)

    async def remove(self, path: Path) -> None:
        bucket, rest = self._inside(path, Right.WRITE)
        await bucket.backend.remove(rest)

    async def make_directory(self, path: Path, attributes: Attributes) -> None:
        bucket, rest = self._inside(path, Right.WRITE)
        await bucket.backend.make_directory(rest, attributes)

    async def remove_directory(self, path: Path) -> None:
        bucket, rest = self._inside(path, Right.WRITE)
        await bucket.backend.remove_directory(rest)

    async def rename(self, old: Path, new: Path) -> None:
        bucket, names = self._both(old, new)
        await bucket.backend.rename(*names)

    async def replace(self, old: Path, new: Path) -> None:
        bucket, names = self._both(old, new)
        await bucket.backend.replace(*names)

    async def link(self, old: Path, new: Path) -> None:
        bucket, names = self._both(old, new)
        await bucket.backend.link(*names)

    async def symlink(self, target: bytes, link: Path) -> None:
        bucket, rest = self._inside(link, Right.WRITE)
        await bucket.backend.symlink(target, rest)

    async def read_link(self, path: Path) -> bytes:
        bucket, rest = self._inside(path, Right.READ)
        return await bucket.backend.read_link(rest)

    async def space(self, path: Path) -> Space:
        bucket, rest = self._bucket(path)
        return await bucket.backend.space(rest)

    def _seen(self) -> tuple[str, ...]:
        return tuple(name for name in self._buckets.names() if any(self._rights.allows(name, right) for right in Right))

    def _bucket(self, path: Path, *rights: Right) -> tuple[Bucket, Path]:
        """The bucket that the path begins with, and what is left of the path. Raises OSError, Denied."""
        if not path:
            raise Denied
        return self._demand(path[0], *rights), path[1:]

    def _inside(self, path: Path, *rights: Right) -> tuple[Bucket, Path]:
        """The same for what no bucket itself is asked for: it is made and changed in the settings alone."""
        if len(path) < 2:
            raise Denied
        return self._bucket(path, *rights)

    def _both(self, old: Path, new: Path) -> tuple[Bucket, tuple[Path, Path]]:
        """Of two paths in one bucket."""
        bucket, first = self._inside(old, Right.WRITE)
        other, second = self._inside(new, Right.WRITE)
        if other is not bucket:
            raise OSError(errno.EXDEV, "another bucket")
        return bucket, (first, second)

    def _demand(self, raw: bytes, *rights: Right) -> Bucket:
        name = raw.decode("ascii", "replace")
        bucket = self._buckets.get(name)
        if bucket is None or not any(self._rights.allows(name, right) for right in Right):
            for right in rights[:1]:
                if bucket is not None:
                    self._told(name, right)
            raise FileNotFoundError(errno.ENOENT, "no such bucket")
        for right in rights:
            self._rights.demand(name, right)
        if bucket.read_only and Right.WRITE in rights:
            raise OSError(errno.EROFS, "read-only")
        return bucket

    def _told(self, name: str, right: Right) -> None:
        """It is denied, and the client hears no more than that there is nothing."""
        try:
            self._rights.demand(name, right)
        except Denied:
            return


Demand = Callable[..., Bucket]


class GuardedFile(OpenFile):
    """A file whose every use asks for the right to it."""

    def __init__(self, opened: OpenFile, demand: Demand) -> None:
        self._opened = opened
        self._demand = demand

    async def read(self, offset: int, length: int) -> bytes:
        self._demand(Right.READ)
        return await self._opened.read(offset, length)

    async def write(self, offset: int, data: bytes) -> None:
        self._demand(Right.WRITE)
        await self._opened.write(offset, data)

    async def attributes(self) -> Attributes:
        self._demand()
        return await self._opened.attributes()

    async def change(self, attributes: Attributes) -> None:
        self._demand(Right.WRITE)
        await self._opened.change(attributes)

    async def sync(self) -> None:
        self._demand(Right.WRITE)
        await self._opened.sync()

    async def space(self) -> Space:
        self._demand()
        return await self._opened.space()

    async def close(self) -> None:
        await self._opened.close()


class GuardedListing(Listing):
    """A directory of which each page asks for the right to it."""

    def __init__(self, opened: Listing, demand: Demand) -> None:
        self._opened = opened
        self._demand = demand

    async def more(self) -> tuple[Entry, ...]:
        self._demand(Right.READ)
        return await self._opened.more()

    async def close(self) -> None:
        await self._opened.close()


class RootListing(Listing):
    """The buckets that a client may see."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._left = (".", "..", *names)

    async def more(self) -> tuple[Entry, ...]:
        names, self._left = self._left, ()
        told = root_attributes()
        date = time.strftime("%b %e %H:%M", time.gmtime((told.times or (0, 0))[1]))
        line = f"{modes.filemode(told.permissions or 0)}    2 0        0                   0 {date} "
        return tuple(Entry(name.encode(), (line + name).encode(), told) for name in names)

    async def close(self) -> None:
        return None


def root_attributes() -> Attributes:
    """A directory that everybody can look at, and nobody change."""
    now = int(time.time())
    return Attributes(size=0, owner=(0, 0), permissions=modes.S_IFDIR | 0o555, times=(now, now))
