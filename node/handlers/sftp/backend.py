"""What a server of SFTP asks of whatever keeps the files: a directory, or a store of another kind.

A path is the names that lead from the root of the back end; none is empty, `.` or `..`, or has a slash or NUL in it.
Methods raise OSError or `Refused`. What was asked of one open file or listing takes effect in the order in which it
was asked, whether or not the answer to what came before was waited for.
"""

from abc import ABC, abstractmethod
from typing import TypeAlias

from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.codec.extensions import Space
from node.handlers.sftp.codec.numbers import OpenFlags
from node.handlers.sftp.codec.packets import Entry

Path: TypeAlias = tuple[bytes, ...]

PAGE = 24 * 1024
"""Bytes of the names that a listing tells at a time, but for the last: clients take answers of 34 000 bytes (§3)."""


class OpenFile(ABC):
    """A file that is open."""

    @abstractmethod
    async def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes; b"" at the end of the file, and beyond it."""

    @abstractmethod
    async def write(self, offset: int, data: bytes) -> None:
        """All of `data`; at the end, wherever that is, of a file that was opened to be appended to."""

    @abstractmethod
    async def attributes(self) -> Attributes: ...

    @abstractmethod
    async def change(self, attributes: Attributes) -> None: ...

    @abstractmethod
    async def sync(self) -> None:
        """Return once all that was written would survive a loss of power."""

    @abstractmethod
    async def space(self) -> Space: ...

    @abstractmethod
    async def close(self) -> None:
        """After what was asked before. Closed it is also where nobody waits for that to have happened."""


class Listing(ABC):
    """A directory that is being read."""

    @abstractmethod
    async def more(self) -> tuple[Entry, ...]:
        """Some names that were not told yet; () once there are no more."""

    @abstractmethod
    async def close(self) -> None:
        """As of a file."""


class Backend(ABC):
    """A tree of files."""

    @abstractmethod
    async def open(self, path: Path, flags: OpenFlags, attributes: Attributes) -> OpenFile:
        """`attributes` are wished for a file that is made by it."""

    @abstractmethod
    async def list(self, path: Path) -> Listing: ...

    @abstractmethod
    async def stat(self, path: Path) -> Attributes:
        """Of what is there, or of what a symbolic link there leads to."""

    @abstractmethod
    async def lstat(self, path: Path) -> Attributes:
        """Of what is there, a symbolic link or not."""

    @abstractmethod
    async def change(self, path: Path, attributes: Attributes) -> None:
        """Of what is there, or of what a symbolic link there leads to."""

    @abstractmethod
    async def remove(self, path: Path) -> None:
        """Anything but a directory."""

    @abstractmethod
    async def make_directory(self, path: Path, attributes: Attributes) -> None: ...

    @abstractmethod
    async def remove_directory(self, path: Path) -> None:
        """An empty one."""

    @abstractmethod
    async def rename(self, old: Path, new: Path) -> None:
        """Onto a name that does not exist."""

    @abstractmethod
    async def replace(self, old: Path, new: Path) -> None:
        """In one step, in place of what has the new name, if anything has."""

    @abstractmethod
    async def link(self, old: Path, new: Path) -> None:
        """A further name for one file."""

    @abstractmethod
    async def symlink(self, target: bytes, link: Path) -> None: ...

    @abstractmethod
    async def read_link(self, path: Path) -> bytes: ...

    @abstractmethod
    async def space(self, path: Path) -> Space: ...
