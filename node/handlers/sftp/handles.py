"""The files and directories that a session has open, by the handles that its client names them by."""

from collections.abc import Iterator
from contextlib import contextmanager

from node.core.tasks import TaskSet
from node.handlers.sftp.backend import Listing, OpenFile
from node.handlers.sftp.codec.numbers import Status
from node.handlers.sftp.refusals import Refused
from node.handlers.sftp.shares import Shares

Open = OpenFile | Listing


class Handles:
    """Of one session of a peer: `at_most` at a time. No handle is given twice."""

    def __init__(self, at_most: int, peer: str, shares: Shares, closing: TaskSet) -> None:
        """`shares` are of what is open in all sessions; tasks in `closing` close what this one leaves open."""
        self._at_most = at_most
        self._peer = peer
        self._shares = shares
        self._closing = closing
        self._open: dict[bytes, Open] = {}
        self._reserved = 0
        self._given = 0

    @contextmanager
    def room(self) -> Iterator[None]:
        """There is room for one more, which is opened meanwhile. Raises Refused."""
        if len(self._open) + self._reserved >= self._at_most or not self._shares.has_room(self._peer):
            raise Refused(Status.FAILURE, "too many files are open")
        self._reserved += 1
        self._shares.take(self._peer)
        try:
            yield
        finally:
            self._reserved -= 1
            self._shares.give_back(self._peer)

    def add(self, opened: Open) -> bytes:
        """The handle of what was opened."""
        self._given += 1
        handle = self._given.to_bytes(8, "big")
        self._open[handle] = opened
        self._shares.take(self._peer)
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
        self._shares.give_back(self._peer)
        return found

    def close_all(self) -> None:
        """Close what the client has left open. Nobody has to wait for it."""
        left = list(self._open.values())
        self._open.clear()
        self._shares.give_back(self._peer, len(left))
        for opened in left:
            self._closing.spawn(opened.close(), "sftp close")


def _unknown() -> Refused:
    return Refused(Status.FAILURE, "there is no such handle")
