"""The root that a client sees: the buckets that it may see, and below each its files."""

import errno

from node.handlers.sftp.backend import Backend, Listing, OpenFile, Path
from node.handlers.sftp.buckets import Bucket, Buckets
from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.codec.extensions import Space
from node.handlers.sftp.codec.numbers import OpenFlags
from node.handlers.sftp.guarded import Demand, GuardedFile, GuardedListing
from node.handlers.sftp.refusals import Denied
from node.handlers.sftp.rights import Right, Rights
from node.handlers.sftp.root import RootListing, root_attributes

_WRITING = ~OpenFlags.READ


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
        return GuardedFile(opened, self._again(path[0], bucket))

    async def list(self, path: Path) -> Listing:
        if not path:
            return RootListing(self._seen())
        bucket, rest = self._bucket(path, Right.READ)
        opened = await bucket.backend.list(rest)
        return GuardedListing(opened, self._again(path[0], bucket))

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
        return tuple(name for name in self._buckets.names() if self._is_seen(name))

    def _is_seen(self, name: str) -> bool:
        return any(self._rights.allows(name, right) for right in Right)

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
        """A denial is told, but of a bucket that the client does not see, the client hears that there is none."""
        name = raw.decode("ascii", "replace")
        bucket = self._buckets.get(name)
        if bucket is None:
            raise _no_bucket()
        try:
            for right in rights:
                self._rights.demand(name, right)
        except Denied:
            if self._is_seen(name):
                raise
            raise _no_bucket() from None
        if not rights and not self._is_seen(name):
            raise _no_bucket()
        if bucket.read_only and Right.WRITE in rights:
            raise OSError(errno.EROFS, "read-only")
        return bucket

    def _again(self, raw: bytes, bucket: Bucket) -> Demand:
        """For what was opened in this bucket: one of other files by the same name is another."""

        def demand(*rights: Right) -> None:
            if self._demand(raw, *rights).backend is not bucket.backend:
                raise _no_bucket()

        return demand


def _no_bucket() -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, "no such bucket")
