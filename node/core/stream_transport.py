"""Any asyncio protocol over one stream: what is written for a TCP socket runs over QUIC, unchanged.

The protocol gets what it would get of a socket: its bytes, the peer's end, and at last `connection_lost`, exactly once.
That comes at once when the peer resets the stream or the connection is lost, also while reading is paused or a write
waits. Three tasks do it: one reads, one writes, and one watches for the loss that a paused reader would not see. What
has arrived when a stream breaks is still given to a protocol that reads, and lost to one that has paused.

Memory is bounded both ways. A paused protocol leaves the peer's bytes in the stream, whose window then holds the peer
back, but for one read in hand. Of what the protocol writes, all that the stream has not taken yet counts against the
water marks; the stream bounds the rest.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from node.core.connection import BiStream
from node.core.errors import StreamClosed, StreamError, StreamFailure, StreamTimeout
from node.core.tasks import TaskSet
from node.core.water_marks import WaterMarks

PIECE = 64 * 1024
"""Bytes of one read of the stream, and of one write."""

LINGER = 60.0
"""Seconds for the peer's transport to take what was written before an end in order; then the stream is reset."""


class StreamTransport(asyncio.Transport):
    """One stream as asyncio's transport. Its errors are OSErrors, as of a socket; their `__cause__` is the StreamError.

    A protocol that raises out of `data_received` or its like loses its connection by that error, as over a socket.
    """

    def __init__(self, stream: BiStream, extra: Mapping[str, Any]) -> None:
        """Use `attach`."""
        super().__init__(extra)
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._tasks = TaskSet()
        self._working: list[asyncio.Task[None]] = []
        self._protocol: asyncio.BaseProtocol = asyncio.Protocol()

        self._flowing, self._paused = asyncio.Event(), asyncio.Event()
        """One of the two is set: whether the protocol wants to read."""
        self._flowing.set()
        self._ended = False
        """Whether the peer has finished its side, and the protocol knows."""

        self._untaken = bytearray()
        self._marks = WaterMarks()
        self._to_write = asyncio.Event()
        self._no_more = False
        """Whether the protocol writes no more."""
        self._finished = False
        """Whether the stream has taken everything, and our end."""

        self._closing = False
        self._over = False
        """Whether `connection_lost` is due or was called; `_lost` once it was."""
        self._lost = asyncio.Event()

    @classmethod
    def attach(
        cls,
        stream: BiStream,
        protocol: asyncio.BaseProtocol,
        *,
        peername: Any = None,
        extra: Mapping[str, Any] | None = None,
    ) -> "StreamTransport":
        """Give `protocol` the stream, which is the transport's from now on. Whatever `connection_made` raises, raises.

        `get_extra_info` tells `peername` and all of `extra`.
        """
        transport = cls(stream, {**(extra or {}), "peername": peername})
        transport.set_protocol(protocol)
        try:
            protocol.connection_made(transport)
        except BaseException:
            stream.reset()
            raise
        transport._start()
        return transport

    async def wait_closed(self) -> None:
        """Wait until `connection_lost` was called, and what was written before is with the peer's transport.

        To be waited for before the connection is closed that carries the stream: what is under way would be lost.
        """
        await self._lost.wait()
        await self._tasks.idle()

    # asyncio's transport: the protocol and its end

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """Read no more; what was written goes out, the stream ends, and `connection_lost(None)` follows."""
        if not self._closing:
            self._closing = True
            self._stop_reader()
            self._finish_writing()
            self._part_if_done()

    def abort(self) -> None:
        """Reset the stream: what neither side has read yet is lost. `connection_lost(None)` follows."""
        self._lose(None)

    # asyncio's transport: reading

    def is_reading(self) -> bool:
        return self._flowing.is_set() and not self._closing

    def pause_reading(self) -> None:
        self._flowing.clear()
        self._paused.set()

    def resume_reading(self) -> None:
        self._paused.clear()
        self._flowing.set()

    # asyncio's transport: writing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Queue `data`. Once the stream is closed or lost it is dropped. Raises RuntimeError after `write_eof`."""
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data: expected bytes, bytearray or memoryview, not {type(data).__name__}")
        if self._closing:
            return
        if self._no_more:
            raise RuntimeError("write after write_eof")
        if not data:
            return
        self._untaken += data
        self._to_write.set()
        self._balance()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """Finish our side once all is written; the peer's goes on. Harmless when repeated."""
        if not self._closing:
            self._finish_writing()

    def get_write_buffer_size(self) -> int:
        """Bytes that the stream has not taken yet."""
        return len(self._untaken)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._marks.low, self._marks.high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._marks.set(high, low)
        self._balance()

    # Reading

    async def _read(self) -> None:
        while data := await self._stream.read(PIECE):
            await self._give(data)
            if self._closing:
                return
        if await self._wanted():
            self._on_end()
            self._lose(await self._stream.stopped())

    async def _wanted(self) -> bool:
        """Wait while reading is paused. False where the protocol has ended it: our own cancelling comes later."""
        while not self._flowing.is_set():
            await self._flowing.wait()
        return not self._closing

    async def _give(self, data: bytes) -> None:
        """All of it, to whatever is the protocol by then."""
        given = 0
        while given < len(data) and await self._wanted():
            if isinstance(self._protocol, asyncio.BufferedProtocol):
                given += self._fill(memoryview(data)[given:])
            else:
                self._call("data_received", data[given:])
                given = len(data)

    def _fill(self, data: memoryview) -> int:
        """Hand a buffered protocol what its buffer takes, and tell how much that was."""
        buffer = self._call("get_buffer", len(data))
        if self._closing:
            return 0
        room = memoryview(buffer).cast("B")
        count = min(len(room), len(data))
        if count:
            room[:count] = data[:count]
            self._call("buffer_updated", count)
        else:
            self._failed("get_buffer", RuntimeError("get_buffer returned an empty buffer"))
        return count

    def _on_end(self) -> None:
        self._ended = True
        if not self._call("eof_received"):
            self.close()
        self._part_if_done()

    async def _watch(self) -> None:
        """Find the loss that a paused reader does not see. Whoever reads finds it behind what has come before."""
        error = await self._stream.broken()
        while not self._paused.is_set():
            await self._paused.wait()
        self._lose(error)

    # Writing

    async def _write(self) -> None:
        while not self._finished:
            await self._to_write.wait()
            self._to_write.clear()
            while self._untaken:
                await self._write_piece()
            if self._no_more and not self._finished:
                self._stream.finish()
                self._finished = True
        self._part_if_done()

    async def _write_piece(self) -> None:
        """Bytes count as untaken until the stream has them, and the last ones take the end along."""
        piece = bytes(memoryview(self._untaken)[:PIECE])
        if self._no_more and len(piece) == len(self._untaken):
            await self._stream.write_last(piece)
            self._finished = True
        else:
            await self._stream.write(piece)
        del self._untaken[: len(piece)]
        self._balance()

    def _finish_writing(self) -> None:
        self._no_more = True
        self._to_write.set()

    def _balance(self) -> None:
        """Have the protocol pause or go on, where a mark was crossed."""
        if not self._over and self._marks.crossed(len(self._untaken)):
            self._call("pause_writing" if self._marks.above else "resume_writing")

    # The end

    def _start(self) -> None:
        """Begin, unless the protocol has ended it as soon as it was made."""
        if not self._over:
            works = [self._read, self._write, self._watch]
            self._working = [self._tasks.spawn(self._do(work), f"stream transport{work.__name__}") for work in works]
        if self._closing:
            self._stop_reader()

    def _stop_reader(self) -> None:
        if self._working:
            self._working[0].cancel()

    async def _do(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        except Exception as error:
            self._lose(error)
            if not isinstance(error, StreamError):
                raise

    def _part_if_done(self) -> None:
        """End in order, if all was written and the protocol has closed, or the peer has finished too."""
        if self._finished and (self._closing or self._ended) and not self._over:
            self._tasks.spawn(self._linger(), "stream transport lingers")
            self._end(None)

    async def _linger(self) -> None:
        """Let the peer have all of it before it is told that nobody reads: its protocol may end by that."""
        try:
            async with asyncio.timeout(LINGER):
                await self._stream.delivered()
        except (TimeoutError, StreamError):
            self._stream.reset()
        if not self._ended:
            self._stream.stop_reading()

    def _lose(self, error: BaseException | None) -> None:
        """End at once, by this error."""
        if not self._over:
            self._stream.reset()
            self._end(as_os_error(error) if isinstance(error, StreamError) else error)

    def _end(self, error: BaseException | None) -> None:
        self._over = self._closing = True
        self._untaken.clear()
        for task in self._working:
            task.cancel()
        self._loop.call_soon(self._tell_lost, error)

    def _tell_lost(self, error: BaseException | None) -> None:
        self._lost.set()
        self._call("connection_lost", error)

    def _call(self, name: str, *arguments: Any) -> Any:
        """Call the protocol. What it raises is reported, and ends the connection if this was about its contents."""
        method: Callable[..., Any] = getattr(self._protocol, name)
        try:
            return method(*arguments)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is; it cannot be our own cancelling
            self._failed(name, error)
            return None

    def _failed(self, name: str, error: BaseException) -> None:
        report = {"message": f"{name} of a protocol failed", "exception": error, "transport": self}
        self._loop.call_exception_handler({**report, "protocol": self._protocol})
        if name not in ("pause_writing", "resume_writing", "connection_lost"):
            self._lose(error)


def as_os_error(error: StreamError) -> OSError:
    """What a socket would raise in place of `error`, which is its cause."""
    told: OSError
    match error:
        case StreamTimeout():
            told = TimeoutError(str(error))
        case StreamFailure(os_error=os_error):
            told = os_error
        case StreamClosed():
            told = ConnectionResetError(f"reset by the peer: {error}")
        case _:
            told = ConnectionResetError(f"connection lost: {error}")
    told.__cause__ = error
    return told
