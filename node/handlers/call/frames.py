"""Length-prefixed frames on a byte stream (spec call §2)."""

import asyncio
import struct
from collections.abc import Callable, Iterator
from functools import partial

from node.core.connection import BiStream
from node.core.errors import ConnectionClosed, StreamError
from node.core.tasks import TaskSet, is_cancelled
from node.core.within import within
from node.handlers.call.budget import OverBudget
from node.handlers.call.charge import Charge
from node.handlers.call.counts import CallCounts
from node.handlers.call.limits import MAX_FRAME
from node.handlers.call.room import SMALL

MIN_RATE = 16 * 1024
"""Bytes a second that the sender of a frame must keep up on the whole; a slower one is holding memory, not sending."""

Done = Callable[[], None]

_PREFIX = struct.Struct(">I")
_CHUNK = 65_536
"""Bytes of a frame that are written at once: each such part has its own time to find room."""
_PART = 1024 * 1024
"""Most bytes that one read asks for. They are in our memory by then, so a larger part is one copy less."""
_WORTH_KEEPING = 16_384
"""Parts below this are joined as they come: each has an object of its own, and a peer could send byte by byte."""
_AT_ONCE = 1024
"""Longest frame in bytes that every stream takes whole or not at all: no high-water mark of the settings is lower."""


class FrameError(ValueError):
    """The stream holds no frame here, and never will again: its reader must stop. The connection lives on."""


class NoRoom(FrameError):
    """There was no room for the frame, at once or for long enough. Of all it asked, nothing has begun."""


class Stalled(FrameError):
    """The other side stopped in the middle of a frame."""


def encode_frame(body: bytes) -> bytes:
    """Prefix a body with its length. Raises FrameError above the contract's maximum; nothing is written then."""
    return _prefix(body) + body


def _prefix(body: bytes) -> bytes:
    if not 0 < len(body) <= MAX_FRAME:
        raise FrameError(f"a frame body has 1 to {MAX_FRAME} bytes, not {len(body)}")
    return _PREFIX.pack(len(body))


def _parts(prefix: bytes, body: bytes) -> Iterator[bytes]:
    """A frame piece by piece. A large one is never put together: that would be a copy of all of it.

    The first is one that a stream takes whole or not at all.
    """
    start = _AT_ONCE - len(prefix)
    yield prefix + body[:start]
    for at in range(start, len(body), _CHUNK):
        yield body[at : at + _CHUNK]


class FrameReader:
    """Takes frames off one stream. `stall_timeout` in seconds bounds each wait inside a frame, but none between two."""

    __slots__ = ("_max_frame", "_stall_timeout", "_stream")

    def __init__(self, stream: BiStream, *, max_frame: int, stall_timeout: float) -> None:
        self._stream = stream
        self._max_frame = max_frame
        self._stall_timeout = stall_timeout

    async def read(self, charge: Charge) -> bytes | None:
        """The body of the next frame, its bytes charged as they come; None once the stream has ended, wherever.

        A large one waits for room before its body is read. Raises FrameError on a length out of bounds, Stalled,
        NoRoom, StreamError.
        """
        try:
            seen = await self._stream.peek(_PREFIX.size)
            length = self._length(seen) if len(seen) == _PREFIX.size else 0
            # A small frame is read in one go: nothing of what is behind it, and nothing of a large one before its turn.
            first = await self._stream.read(_PREFIX.size + (length if length <= SMALL else 0))
            if not first:
                return None
            if len(first) < _PREFIX.size:
                first += await self._take(_PREFIX.size - len(first), charge)
            length, body = length or self._length(first), first[_PREFIX.size :]
            charge.add(len(body))
            if len(body) == length:
                return body
            if length > SMALL:
                await self._enter(length, charge)
            left = length - len(body)
            return body + await within(self._stall_timeout + length / MIN_RATE, self._take(left, charge))
        except EOFError:
            return None
        except TimeoutError:
            raise Stalled("the frame stalled") from None
        except OverBudget:
            raise NoRoom("too much is in hand already") from None

    async def _enter(self, length: int, charge: Charge) -> None:
        try:
            await charge.enter(length, self._stream)
        except TimeoutError:
            raise NoRoom("too much was in hand for too long") from None

    def _length(self, prefix: bytes) -> int:
        length: int = _PREFIX.unpack_from(prefix)[0]
        if not 0 < length <= self._max_frame:
            raise FrameError(f"a frame of {length} bytes; at most {self._max_frame} are taken here")
        return length

    async def _take(self, count: int, charge: Charge) -> bytes:
        """Exactly `count` bytes, held as they come: a prefix alone reserves no memory."""
        parts: list[bytes] = []
        while count > 0:
            part = await within(self._stall_timeout, self._stream.read(min(count, _PART)))
            if not part:
                raise EOFError
            charge.add(len(part))
            count -= len(part)
            if parts and len(part) + len(parts[-1]) < _WORTH_KEEPING:
                parts[-1] += part
            else:
                parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


class FrameWriter:
    """Writes whole frames to one stream, one at a time, and finishes it once asked to.

    A frame that was begun is sent to its end, or the stream is given up, even where whoever asked for it no longer
    waits: half a frame would spoil the stream for everybody else. `tasks` hold what is still being sent then.
    """

    __slots__ = ("_counts", "_lock", "_stall_timeout", "_stream", "_tasks")

    def __init__(
        self,
        stream: BiStream,
        *,
        stall_timeout: float,
        tasks: TaskSet | None = None,
        counts: CallCounts | None = None,
    ) -> None:
        self._stream = stream
        self._stall_timeout = stall_timeout
        self._counts = counts or CallCounts()
        self._tasks = tasks or TaskSet()
        self._lock = asyncio.Lock()

    async def write(self, body: bytes, done: Done | None = None, *, last: bool = False) -> None:
        """Send one frame, after those already waiting. Raises FrameError, Stalled; StreamError.

        With one that is the `last`, the end of the stream goes out if it is small. Finish it all the same.

        `done` is called once its bytes are held no more, which may be after the caller has gone. After any error but
        that of a body's size, the stream may hold half a frame and must be abandoned.
        """
        try:
            prefix = _prefix(body)
            if len(prefix) + len(body) <= _AT_ONCE:
                async with self._lock:
                    await self._send(prefix + body, last=last)
                return
            await self._lock.acquire()
            parts = _parts(prefix, body)
            try:
                await self._send(next(parts))  # whoever gives up here has said nothing
            except BaseException:
                self._lock.release()
                raise
            sending = self._tasks.spawn(self._send_rest(parts), "call frame")
            sending.add_done_callback(partial(self._sent, done))
            done = None
            if (error := await _outcome(sending)) is not None:
                raise error
        finally:
            if done is not None:
                done()

    def _sent(self, done: Done | None, _: object) -> None:
        self._lock.release()
        if done is not None:
            done()

    async def _send_rest(self, parts: Iterator[bytes]) -> FrameError | StreamError | None:
        """Finish a frame. Gives the error in place of raising it: there may be nobody left to take it."""
        try:
            for part in parts:
                await self._send(part)
        except (FrameError, StreamError) as error:
            self.abandon()
            return error
        return None

    async def _send(self, part: bytes, *, last: bool = False) -> None:
        write = self._stream.write_last if last else self._stream.write
        try:
            await within(self._stall_timeout, write(part))
        except TimeoutError:
            self._counts.stalled += 1
            raise Stalled("the reader stalled") from None

    def finish(self) -> None:
        self._stream.finish()

    def abandon(self, code: int = 0) -> None:
        self._stream.reset(code)


async def _outcome(sending: "asyncio.Task[FrameError | StreamError | None]") -> FrameError | StreamError | None:
    """How a frame's sending ended. A cancellation of the caller leaves it going; that of the sending is an end."""
    try:
        return await asyncio.shield(sending)
    except asyncio.CancelledError:
        if not sending.cancelled() or is_cancelled():
            raise
        return ConnectionClosed()
