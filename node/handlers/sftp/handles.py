"""The files and directories that a session has open, by the handles that its client names them by."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from node.core.tasks import TaskSet
from node.handlers.sftp.backend import Listing, OpenFile
from node.handlers.sftp.codec.numbers import Status
from node.handlers.sftp.refusals import Refused

Open = OpenFile | Listing


class OpenTotal:
    """How many are open in all sessions together, and the tasks that close what a session has left open."""

    def __init__(self, at_most: Callable[[], int]) -> None:
        self._at_most = at_most
        self.count = 0
        self.closing = TaskSet()

    @property
    def has_room(self) -> bool:
        return self.count < self._at_most()


class Handles:
    """Of one session: `at_most` at a time. No handle is given twice."""

    def __init__(self, at_most: int, total: OpenTotal) -> None:
        self._at_most = at_most
        self._total = total
        self._open: dict[bytes, Open] = {}
        self._reserved = 0
        self._given = 0

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def room(self) -> Iterator[None]:
        """There is room for one more, which is opened meanwhile. Raises Refused."""
        if len(self._open) + self._reserved >= self._at_most or not self._total.has_room:
            raise Refused(Status.FAILURE, "too many files are open")
        self._reserved += 1
        self._total.count += 1
        try:
            yield
        finally:
            self._reserved -= 1
            self._total.count -= 1

    def add(self, opened: Open) -> bytes:
        """The handle of what was opened."""
        self._given += 1
        handle = self._given.to_bytes(8, "big")
        self._open[handle] = opened
        self._total.count += 1
        return handle

    def file(self, handle: bytes) -> OpenFile:
        """Raises Refused."""
        found = self._open.get(handle)
        if isinstance(found, OpenFile):
            return found
        raise _unknown()

    def listing(self, handle: bytes) -> Listing:
        """Raises Refused."""
        found = self._open.get(handle)
        if isinstance(found, Listing):
            return found
        raise _unknown()

    def take(self, handle: bytes) -> Open:
        """What is to be closed, which has no handle any more. Raises Refused."""
        found = self._open.pop(handle, None)
        if found is None:
            raise _unknown()
        self._total.count -= 1
        return found

    def close_all(self) -> None:
        """Close what the client has left open. Nobody has to wait for it."""
        left = list(self._open.values())
        self._open.clear()
        self._total.count -= len(left)
        for opened in left:
            self._total.closing.spawn(opened.close(), "sftp close")


def _unknown() -> Refused:
    return Refused(Status.FAILURE, "there is no such handle")
