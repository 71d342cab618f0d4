"""Length-prefixed frames on a byte stream (spec call §2)."""

import asyncio
import struct

from node.core.connection import BiStream
from node.handlers.call.limits import MAX_FRAME, CallLimits

_PREFIX = struct.Struct(">I")
_CHUNK = 65_536


class FrameError(ValueError):
    """The stream holds no frame here, and never will again: its reader must stop. The connection lives on."""


def encode_frame(body: bytes) -> bytes:
    """Prefix a body with its length. Raises FrameError above the contract's maximum; nothing is written then."""
    if not 0 < len(body) <= MAX_FRAME:
        raise FrameError(f"a frame body has 1 to {MAX_FRAME} bytes, not {len(body)}")
    return _PREFIX.pack(len(body)) + body


class ByteBudget:
    """Bounds the half-read frames of one connection. A frame larger than the whole budget is read when it is alone."""

    def __init__(self, size: int) -> None:
        self._free = self._size = size
        self._changed = asyncio.Condition()

    async def take(self, count: int) -> int:
        """Wait until `count` bytes (at most the whole budget) are free, and take them. Returns what was taken."""
        count = min(count, self._size)
        async with self._changed:
            await self._changed.wait_for(lambda: self._free >= count)
            self._free -= count
        return count

    async def give_back(self, count: int) -> None:
        async with self._changed:
            self._free += count
            self._changed.notify_all()


async def read_frame(stream: BiStream, budget: ByteBudget, limits: CallLimits) -> bytes | None:
    """The body of the next frame; None once the stream has ended, inside a frame or between two.

    A stream may rest between frames as long as it likes; inside one, each wait is bounded by `stall_timeout`.
    Raises FrameError on a length outside 1 to 64 MiB, or a stall.
    """
    first = await stream.read(_PREFIX.size)
    if not first:
        return None
    try:
        length = _length(first + await _rest(stream, _PREFIX.size - len(first), limits))
        taken = await budget.take(length)
        try:
            return await _rest(stream, length, limits)
        finally:
            await budget.give_back(taken)
    except EOFError:
        return None
    except TimeoutError:
        raise FrameError("the frame stalled") from None


def _length(prefix: bytes) -> int:
    length: int = _PREFIX.unpack(prefix)[0]
    if not 0 < length <= MAX_FRAME:
        raise FrameError(f"a frame of {length} bytes")
    return length


async def _rest(stream: BiStream, count: int, limits: CallLimits) -> bytes:
    """Exactly `count` bytes, held as they come: a prefix alone reserves no memory."""
    received = bytearray()
    while len(received) < count:
        async with asyncio.timeout(limits.stall_timeout):
            part = await stream.read(min(count - len(received), _CHUNK))
        if not part:
            raise EOFError
        received += part
    return bytes(received)


class FrameWriter:
    """Writes whole frames to one stream, one at a time, and finishes it once asked to."""

    def __init__(self, stream: BiStream) -> None:
        self._stream = stream
        self._lock = asyncio.Lock()

    async def write(self, body: bytes) -> None:
        """Send one frame, after those already waiting. Raises FrameError or StreamError."""
        frame = encode_frame(body)
        async with self._lock:
            await self._stream.write(frame)

    def finish(self) -> None:
        self._stream.finish()

    def abandon(self) -> None:
        self._stream.reset()
