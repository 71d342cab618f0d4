"""What is open in a bucket: each use of it asks for the right anew, and for the bucket."""

from typing import Protocol

from node.handlers.sftp.backend import Listing, OpenFile
from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.codec.extensions import Space
from node.handlers.sftp.codec.packets import Entry
from node.handlers.sftp.rights import Right


class Demand(Protocol):
    """Asks for these rights, and whether the bucket is still that one. Raises OSError, Denied."""

    def __call__(self, *rights: Right) -> object: ...


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
