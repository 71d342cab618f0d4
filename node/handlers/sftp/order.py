"""What of the requests in flight has to be over before the next one begins.

Requests may be answered out of order, as long as those that could touch one file are carried out in theirs (§3 of the
draft, and what every client takes for granted that asks ahead). By its handle a file is known; which one a path means
is not, so a path that is only looked at comes after every change that was asked before, and one that is changed after
everything. What is asked of one handle is handed over in its order, and kept so by the back end.
"""

import asyncio
from dataclasses import dataclass, field
from enum import Enum, auto

from node.handlers.sftp.codec import extensions, packets
from node.handlers.sftp.codec.numbers import OpenFlags


class Touch(Enum):
    """What a request does, and to what."""

    LOOK = auto()
    CHANGE = auto()
    LOOK_BY_HANDLE = auto()
    CHANGE_BY_HANDLE = auto()


_TOUCHES: dict[type, Touch] = {
    **dict.fromkeys((packets.Read, packets.Fstat, packets.Readdir), Touch.LOOK_BY_HANDLE),
    **dict.fromkeys((packets.Write, packets.Fsetstat, packets.Close), Touch.CHANGE_BY_HANDLE),
    **dict.fromkeys(
        (packets.Lstat, packets.Stat, packets.Opendir, packets.Realpath, packets.Readlink),
        Touch.LOOK,
    ),
}
_BY_HANDLE = (Touch.LOOK_BY_HANDLE, Touch.CHANGE_BY_HANDLE)
_CHANGES = (Touch.CHANGE, Touch.CHANGE_BY_HANDLE)
_BY_NAME = {
    extensions.FSYNC: Touch.CHANGE_BY_HANDLE,
    extensions.FSTATVFS: Touch.LOOK_BY_HANDLE,
    extensions.STATVFS: Touch.LOOK,
    extensions.LIMITS: Touch.LOOK,
}


def touch_of(request: packets.Request) -> Touch:
    """Of a request that is not known here, the utmost."""
    if isinstance(request, packets.Open):
        return Touch.LOOK if request.flags == OpenFlags.READ else Touch.CHANGE
    if isinstance(request, packets.Extended):
        return _BY_NAME.get(request.name, Touch.CHANGE)
    return _TOUCHES.get(type(request), Touch.CHANGE)


@dataclass(eq=False, slots=True)
class Turn:
    """One request in flight. `begun` once it was handed over, `done` once that has come back."""

    touch: Touch
    handle: bytes
    before: "list[Turn]" = field(default_factory=list)
    begun: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def come(self) -> None:
        """Wait for those before, and begin."""
        for turn in self.before:
            await turn.done.wait()
        self.before.clear()
        self.begun = True


class Order:
    """Of one session."""

    def __init__(self) -> None:
        self._running: dict[Turn, None] = {}

    def turn(self, request: packets.Request) -> Turn:
        """The turn of a request that has just come. `over` takes it back."""
        touch = touch_of(request)
        turn = Turn(touch, _handle_of(request) if touch in _BY_HANDLE else b"")
        turn.before = [earlier for earlier in self._running if _holds_up(earlier, turn)]
        self._running[turn] = None
        return turn

    def over(self, turn: Turn) -> None:
        turn.done.set()
        self._running.pop(turn, None)


def _holds_up(earlier: Turn, turn: Turn) -> bool:
    if turn.touch is Touch.CHANGE:
        return True
    if turn.touch is Touch.LOOK:
        return earlier.touch in _CHANGES
    if earlier.touch in _BY_HANDLE:
        return earlier.handle == turn.handle and not earlier.begun
    return earlier.touch is Touch.CHANGE


def _handle_of(request: packets.Request) -> bytes:
    """Extensions that name a handle have it first in their bodies."""
    if isinstance(request, packets.Extended):
        return request.body[4 : 4 + int.from_bytes(request.body[:4], "big")]
    return bytes(getattr(request, "handle", b""))
