"""One two-way stream: bounded both ways, and never left waiting when its peer or its connection gives up."""

from collections.abc import Callable
from typing import Protocol

from node.core.connection import BiStream
from node.core.errors import ConnectionClosed, StreamClosed, StreamError
from node.quic.connection.wakeup import Wakeup
from node.quic.engine.ending import EndCause, Ending
from node.quic.engine.engine import Engine
from node.quic.engine.windows import Window
from node.quic.limits import QuicLimits

MakeError = Callable[[], StreamError]


class StreamHost(Protocol):
    """What a stream needs of its connection."""

    @property
    def engine(self) -> Engine: ...

    @property
    def limits(self) -> QuicLimits: ...

    def flush_soon(self) -> None:
        """Send what is queued, after the callbacks that are already due."""
        ...

    def stream_changed(self, stream: "QuicStream") -> None:
        """The stream waits for acknowledgements, or one of its directions has ended."""
        ...


class QuicStream(BiStream):
    """A stream of one QUIC connection. A write of at most the high-water mark is queued whole or not at all."""

    def __init__(self, host: StreamHost, stream_id: int) -> None:
        self._host = host
        self._engine = host.engine
        self.stream_id = stream_id
        self._inbox = bytearray()
        self._at_end = False
        self._finished = False
        self._read_error: MakeError | None = None
        self._write_error: MakeError | None = None
        self._readable = Wakeup()
        self._writable = Wakeup()
        self._failing = Wakeup()
        self._window: Window | None = None
        self._take_aside: Callable[[int], bool] | None = None
        self._aside = 0
        """Bytes of the inbox for which the connection, though not the stream, has its credit already."""
        self.writers = 0

    @property
    def over(self) -> bool:
        """Whether neither side will send more; what was sent may still be on its way."""
        reading_over = self._at_end or self._read_error is not None
        return reading_over and (self._finished or self._write_error is not None)

    @property
    def at_end(self) -> bool:
        return self._at_end and not self._inbox

    async def peek(self, count: int) -> bytes:
        while not self._inbox and not self._at_end and self._read_error is None:
            await self._readable.wait()
        return bytes(self._inbox[:count])

    async def read(self, limit: int = 65_536) -> bytes:
        if limit < 1:
            raise ValueError("a read takes at least one byte")
        while not self._inbox and not self._at_end and self._read_error is None:
            await self._readable.wait()
        if self._inbox:
            return self._take(limit)
        if self._at_end:
            return b""
        raise _made(self._read_error)

    async def write(self, data: bytes) -> None:
        most = self._host.limits.write_high_water
        for start in range(0, max(len(data), 1), most):
            await self._room()
            self._engine.send_stream_data(self.stream_id, data[start : start + most])
            self._host.flush_soon()

    async def write_last(self, data: bytes) -> None:
        if len(data) > self._host.limits.write_high_water:
            return await super().write_last(data)
        await self._room()
        self._end_with(data)
        return None

    def finish(self) -> None:
        if self._finished or self._write_error is not None:
            return
        self._end_with(b"")

    def reset(self, code: int = 0) -> None:
        self._engine.abort_stream(self.stream_id, code)
        self._fail_reading(StreamClosed)
        self._fail_writing(StreamClosed)
        self._host.flush_soon()
        self._host.stream_changed(self)

    def stop_reading(self, code: int = 0) -> None:
        self._engine.stop_receiving(self.stream_id, code)
        self._fail_reading(StreamClosed)
        self._host.flush_soon()
        self._host.stream_changed(self)

    async def broken(self) -> StreamError:
        while self._at_end or self._read_error is None:
            await self._failing.wait()
        return _made(self._read_error)

    async def stopped(self) -> StreamError:
        while self._write_error is None:
            await self._failing.wait()
        return _made(self._write_error)

    async def delivered(self) -> None:
        self.writers += 1
        self._host.stream_changed(self)
        try:
            while not self._engine.delivered(self.stream_id):
                if self._write_error is not None:
                    raise _made(self._write_error)
                await self._writable.wait()
        finally:
            self.writers -= 1

    def set_aside(self, take: Callable[[int], bool] | None) -> None:
        self._take_aside = take
        if take is not None and self._inbox and take(len(self._inbox)):
            self._put_aside(len(self._inbox) - self._aside)

    # What the connection reports

    def on_data(self, data: bytes, *, ends: bool) -> None:
        if self._read_error is not None:
            self._engine.drop(len(data))
            return
        self._inbox += data
        self._at_end = ends
        if self._take_aside is not None and data and self._take_aside(len(data)):
            self._put_aside(len(data))
        self._readable.wake()

    def on_reset(self, code: int) -> None:
        """The peer gave up sending: what was not read yet is lost."""
        self._engine.drop(self._engine.undelivered(self.stream_id))
        self._fail_reading(lambda: StreamClosed(code))

    def on_stop(self, code: int) -> None:
        """The peer gave up reading. The engine has reset our direction already."""
        self._fail_writing(lambda: StreamClosed(code))

    def on_progress(self) -> None:
        """Acknowledgements came in."""
        if self.writers and self._unacked() <= self._mark() // 2:
            self._writable.wake()

    def on_end(self, ending: Ending) -> None:
        """The connection ended. What the peer sent before it left can still be read; after our own close, nothing."""
        if ending.cause in (EndCause.LOCAL, EndCause.FAILED):
            self._inbox.clear()
            self._aside = 0
            self._at_end = False
        if self._read_error is None:
            self._read_error = ending.stream_error
        self._fail_writing(ending.stream_error)
        self._readable.wake()
        self._failing.wake()

    # Parts

    def _take(self, limit: int) -> bytes:
        data = bytes(self._inbox) if limit >= len(self._inbox) else bytes(self._inbox[:limit])
        del self._inbox[:limit]
        paid = min(self._aside, len(data))
        self._aside -= paid
        if self._credit(len(data), paid):
            self._host.flush_soon()
        return data

    def _credit(self, count: int, paid: int) -> bool:
        """Let the peer send so many bytes more, where it may. True if that is worth a packet.

        For those that were `paid`, it may send more on the connection already.
        """
        if self._at_end:
            return self._engine.drop(count - paid)
        if self._window is None:
            self._window = self._engine.stream_window()
        return self._engine.read(self.stream_id, count, len(self._inbox), self._window, paid)

    def _end_with(self, data: bytes) -> None:
        self._finished = True
        self._engine.send_stream_data(self.stream_id, data, end_stream=True)
        self._host.flush_soon()
        self._host.stream_changed(self)

    def _put_aside(self, count: int) -> None:
        self._aside += count
        if self._engine.drop(count):
            self._host.flush_soon()

    async def _room(self) -> None:
        """Wait until less than the high-water mark is unacknowledged. Raises StreamError where writing is over."""
        self._refuse_write()
        if self._has_room():
            return
        self.writers += 1
        self._host.stream_changed(self)
        try:
            while self._write_error is None and self._unacked() > self._mark() // 2:
                await self._writable.wait()
        finally:
            self.writers -= 1
        self._refuse_write()

    def _refuse_write(self) -> None:
        if self._write_error is not None:
            raise _made(self._write_error)
        if self._finished:
            raise StreamClosed

    def _has_room(self) -> bool:
        unacked = self._unacked()
        if not unacked or unacked < self._mark():
            return True
        self._engine.raise_mark()
        return unacked < self._mark()

    def _mark(self) -> int:
        return self._engine.write_mark()

    def _unacked(self) -> int:
        return self._engine.unacked(self.stream_id)

    def _fail_reading(self, make_error: MakeError) -> None:
        if self._read_error is None and not (self._at_end and not self._inbox):
            self._engine.drop(len(self._inbox) - self._aside)
            self._aside = 0
            self._inbox.clear()
            self._at_end = False
            self._read_error = make_error
        self._readable.wake()
        self._failing.wake()

    def _fail_writing(self, make_error: MakeError) -> None:
        if self._write_error is None:
            self._write_error = make_error
        self._writable.wake()
        self._failing.wake()


def _made(make_error: MakeError | None) -> StreamError:
    return ConnectionClosed() if make_error is None else make_error()
