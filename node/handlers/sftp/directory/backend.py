"""A directory as a back end: each call on a thread, those on one open file in their order."""

import asyncio
import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from node.handlers.sftp.backend import Backend, Listing, OpenFile, Path
from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.codec.extensions import Space
from node.handlers.sftp.codec.numbers import OpenFlags
from node.handlers.sftp.codec.packets import Entry
from node.handlers.sftp.directory.facts import attributes_of
from node.handlers.sftp.directory.held import HeldFile
from node.handlers.sftp.directory.lane import Lane
from node.handlers.sftp.directory.listing import HeldListing
from node.handlers.sftp.directory.quota import NO_QUOTA, Quota, Usage
from node.handlers.sftp.directory.tree import Tree
from node.handlers.sftp.directory.walk import Last

T = TypeVar("T")


class DirectoryBackend(Backend):
    """The directory `root`. `threads` may be shared with others, and bound how much is done at a time."""

    def __init__(self, root: str, threads: ThreadPoolExecutor, quota: Quota = NO_QUOTA, umask: int = 0o077) -> None:
        self._tree = Tree(root, quota, umask)
        self._threads = threads
        self._counting: asyncio.Task[Usage] | None = None

    def follow(self, quota: Quota, umask: int) -> None:
        """Others from now on, for what is open too."""
        self._tree.follow(quota, umask)

    def usage(self) -> Usage:
        """What is charged against the quota, which may have to be counted first: for a thread."""
        return self._tree.ledger.usage()

    async def open(self, path: Path, flags: OpenFlags, attributes: Attributes) -> OpenFile:
        if flags != OpenFlags.READ:
            await self._counted()
        held = await self._held(HeldFile.close, self._tree.open, path, flags, attributes)
        return DirectoryFile(held, self._tree, self._threads)

    async def list(self, path: Path) -> Listing:
        return DirectoryListing(await self._held(HeldListing.close, self._opened, path), self._threads)

    async def stat(self, path: Path) -> Attributes:
        return attributes_of(await self._do(self._tree.stat, path, Last.FOLLOWED))

    async def lstat(self, path: Path) -> Attributes:
        return attributes_of(await self._do(self._tree.stat, path, Last.ITSELF))

    async def change(self, path: Path, attributes: Attributes) -> None:
        if attributes.size is not None:
            await self._counted()
        await self._do(self._tree.change, path, attributes)

    async def remove(self, path: Path) -> None:
        await self._do(self._tree.remove, path)

    async def make_directory(self, path: Path, attributes: Attributes) -> None:
        await self._counted()
        await self._do(self._tree.make_directory, path, attributes)

    async def remove_directory(self, path: Path) -> None:
        await self._do(self._tree.remove_directory, path)

    async def rename(self, old: Path, new: Path) -> None:
        await self._do(self._tree.rename, old, new)

    async def replace(self, old: Path, new: Path) -> None:
        await self._do(self._tree.replace, old, new)

    async def link(self, old: Path, new: Path) -> None:
        await self._counted()
        await self._do(self._tree.link, old, new)

    async def symlink(self, target: bytes, link: Path) -> None:
        await self._counted()
        await self._do(self._tree.symlink, target, link)

    async def read_link(self, path: Path) -> bytes:
        return await self._do(self._tree.read_link, path)

    async def space(self, path: Path) -> Space:
        await self._counted()
        return await self._do(self._tree.space, path)

    async def _counted(self) -> None:
        """Where all has to be counted first, that is waited for here, and no thread that others need waits for it."""
        if self._tree.ledger.is_uncounted:
            if self._counting is None or self._counting.done():
                self._counting = asyncio.create_task(asyncio.to_thread(self.usage))
            await asyncio.shield(self._counting)

    def _opened(self, path: Path) -> HeldListing:
        descriptor = self._tree.open_directory(path)
        try:
            return HeldListing(descriptor)
        except OSError:
            os.close(descriptor)
            raise

    def _do(self, work: Callable[..., T], *given: Any) -> "asyncio.Future[T]":
        """On a lane of its own: paths have no order but that of the session."""
        return Lane(self._threads).call(functools.partial(work, *given))

    async def _held(self, close: Callable[[T], None], work: Callable[..., T], *given: Any) -> T:
        """What has to be closed is closed where nobody waits for it any more."""
        working = self._do(work, *given)
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            working.add_done_callback(functools.partial(_close_unwanted, close))
            raise


class DirectoryFile(OpenFile):
    """An open file of a directory."""

    def __init__(self, held: HeldFile, tree: Tree, threads: ThreadPoolExecutor) -> None:
        self._held = held
        self._tree = tree
        self._lane = Lane(threads)

    async def read(self, offset: int, length: int) -> bytes:
        if self._lane.is_idle and (cached := self._held.read_cached(offset, length)) is not None:
            return cached
        return await self._lane.call(functools.partial(self._held.read, offset, length))

    async def write(self, offset: int, data: bytes) -> None:
        await self._lane.call(functools.partial(self._held.write, offset, data))

    async def attributes(self) -> Attributes:
        return attributes_of(await self._lane.call(self._held.attributes))

    async def change(self, attributes: Attributes) -> None:
        await self._lane.call(functools.partial(self._held.change, attributes))

    async def sync(self) -> None:
        await self._lane.call(self._held.sync)

    async def space(self) -> Space:
        return await self._lane.call(functools.partial(self._tree.space_at, self._held.descriptor))

    async def close(self) -> None:
        await self._lane.last(self._held.close)


class DirectoryListing(Listing):
    """A directory of a directory that is being read."""

    def __init__(self, held: HeldListing, threads: ThreadPoolExecutor) -> None:
        self._held = held
        self._lane = Lane(threads)

    async def more(self) -> tuple[Entry, ...]:
        return await self._lane.call(self._held.more)

    async def close(self) -> None:
        await self._lane.last(self._held.close)


def _close_unwanted(close: Callable[[T], None], working: "asyncio.Future[T]") -> None:
    if not working.cancelled() and working.exception() is None:
        close(working.result())
