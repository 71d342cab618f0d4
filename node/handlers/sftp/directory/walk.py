"""Finds what a path leads to below one directory, and nothing outside it, whoever else changes names meanwhile.

The kernel is never asked to follow anything: it opens one name at a time, relative to the directory that was opened
before, and a symbolic link is opened itself. Its target is read from what was opened, and walked here, with the root
of the tree as its `/` and as the top that `..` stays at. What was found is held open, so that what is then checked and
what is then used are one and the same file, whatever its name means by now.
"""

import errno
import os
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto

from node.handlers.sftp.backend import Path

MAX_LINKS = 40
"""Symbolic links on one way, as Linux has it."""
MAX_STEPS = 2000
"""Names that are opened on one way, those of links included."""
MAX_DEPTH = 256
"""Names in a path that is asked for."""

LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a name is opened: nothing is followed, and nothing happens by it."""


class Last(Enum):
    """What becomes of a symbolic link at the very end of a path."""

    FOLLOWED = auto()
    ITSELF = auto()


@dataclass(slots=True)
class Place:
    """Where a path leads: a name in a directory, and what has that name, if anything has.

    `parent` and `node` are descriptors that can only be looked at; the parent is `depth` directories below the root.
    The root of the tree has no name here, nor has what a link's `..` leads to; then `parent` is None.
    """

    parent: int | None
    name: bytes
    node: int | None
    depth: int

    def close(self) -> None:
        for descriptor in (self.parent, self.node):
            if descriptor is not None:
                os.close(descriptor)

    def there(self) -> int:
        """What has the name. Raises FileNotFoundError."""
        if self.node is None:
            raise missing()
        return self.node

    def named(self) -> int:
        """The directory that the name is in. Raises PermissionError for what has none."""
        if self.parent is None:
            raise PermissionError(errno.EPERM, "the root of the tree stays as it is")
        return self.parent


def missing() -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, "no such file")


def by_descriptor(descriptor: int) -> str:
    """A path to exactly what the descriptor has open, for calls that take no descriptor that can only be looked at."""
    return f"/proc/self/fd/{descriptor}"


@contextmanager
def found(root: str, path: Path, last: Last, max_depth: int = MAX_DEPTH) -> Iterator[Place]:
    """Where `path` leads below the directory `root`. Raises OSError."""
    if len(path) > max_depth:
        raise OSError(errno.ENAMETOOLONG, "a path of too many names")
    walk = _Walk(root, path)
    try:
        place = walk.to_end(last)
    finally:
        walk.close()
    try:
        yield place
    finally:
        place.close()


class _Walk:
    """One way through the tree. `here` is the directory that it has come to by the names `done`."""

    def __init__(self, root: str, path: Path) -> None:
        self._root = root
        self._todo = deque(path)
        self._done: list[bytes] = []
        self._links = 0
        self._here: int | None = self._top()

    def close(self) -> None:
        if self._here is not None:
            os.close(self._here)

    def to_end(self, last: Last) -> Place:
        for _ in range(MAX_STEPS):
            if not self._todo:
                return Place(None, b"", self._given(), 0)
            name = self._todo.popleft()
            if name == b"..":
                self._again(self._done[:-1])
            elif (place := self._step(name, last)) is not None:
                return place
        raise OSError(errno.ELOOP, "too long a way")

    def _step(self, name: bytes, last: Last) -> Place | None:
        """One name further, or the end."""
        try:
            node = os.open(name, LOOK, dir_fd=self._here)
        except FileNotFoundError:
            if self._todo:
                raise
            return Place(self._given(), name, None, len(self._done))
        try:
            mode = os.fstat(node).st_mode
            if stat.S_ISLNK(mode) and (self._todo or last is Last.FOLLOWED):
                self._follow(os.readlink(b"", dir_fd=node))
                return None
            if not self._todo:
                place, node = Place(self._given(), name, node, len(self._done)), -1
                return place
            if not stat.S_ISDIR(mode):
                raise NotADirectoryError(errno.ENOTDIR, "not a directory")
            self._here, node = node, self._given()
            self._done.append(name)
            return None
        finally:
            if node >= 0:
                os.close(node)

    def _follow(self, target: bytes) -> None:
        self._links += 1
        if self._links > MAX_LINKS or not target:
            raise OSError(errno.ELOOP, "too many symbolic links")
        self._todo.extendleft(name for name in reversed(target.split(b"/")) if name not in (b"", b"."))
        if target.startswith(b"/"):
            self._again([])

    def _again(self, names: list[bytes]) -> None:
        """Begin anew from the top by other names. The way up is not asked of the kernel, for which it may lead out."""
        os.close(self._given())
        self._todo.extendleft(reversed(names))
        self._done.clear()
        self._here = self._top()

    def _top(self) -> int:
        return os.open(self._root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def _given(self) -> int:
        """The directory that this has come to, which is no longer this walk's to close."""
        here, self._here = self._here, None
        if here is None:
            raise ValueError("the walk is over")
        return here
