"""The streams of one connection, as `node.core.connection.BidiStreamSource` wants them."""

from collections import deque
from typing import Protocol

from aioquic.quic import events

from node.core.connection import BiStream, Moved, Transferred
from node.core.errors import ConnectionClosed
from node.core.identity import Address
from node.quic.connection.stream import QuicStream
from node.quic.connection.wakeup import Wakeup
from node.quic.engine.ending import Ending
from node.quic.engine.engine import Engine
from node.quic.limits import QuicLimits

STREAM_REFUSED = 0x42
"""The code of a stream that nobody here will serve: one-way, or one more than the accept queue holds."""


class SourceHost(Protocol):
    """What the streams need of the connection that carries them."""

    @property
    def engine(self) -> Engine: ...

    @property
    def peer_address(self) -> Address | None: ...

    def flush_soon(self) -> None: ...

    def close(self, code: int, reason: str) -> None: ...

    def keep_alive(self, interval: float) -> None: ...


class QuicSource:
    """Yields the two-way streams that the peer opens, in the order in which they were first heard of.

    A stream stays in the table until both directions have ended and the peer has acknowledged that.
    """

    def __init__(self, host: SourceHost, limits: QuicLimits) -> None:
        self._host = host
        self.engine = host.engine
        self._limits = limits
        self._streams: dict[int, QuicStream] = {}
        self._waiting_writers: set[QuicStream] = set()
        self._leaving: set[QuicStream] = set()
        self._refused: set[int] = set()
        self._accepted: deque[QuicStream] = deque()
        self._acceptable = Wakeup()
        self._openable = Wakeup()
        self._closed = Wakeup()
        self._ending: Ending | None = None
        self._watchers: tuple[Moved, ...] = ()

    # The contract of a source

    @property
    def remote_addr(self) -> Address | None:
        """The address that the peer has proven last; it may change as the peer moves between networks."""
        return self._host.peer_address

    @property
    def transferred(self) -> Transferred:
        return Transferred(*self.engine.transferred())

    def watch_moves(self, tell: Moved) -> None:
        self._watchers = (*self._watchers, tell)

    async def accept_bi(self) -> BiStream:
        while not self._accepted:
            if self._ending is not None:
                raise self._ending.closed()
            await self._acceptable.wait()
        return self._accepted.popleft()

    async def open_bi(self) -> BiStream:
        while self._ending is None and not self.engine.can_open():
            await self._openable.wait()
        if self._ending is not None:
            raise self._ending.stream_error()
        return self._add(self.engine.open())

    def keep_alive(self, interval: float | None) -> None:
        self._host.keep_alive(self._limits.keep_alive if interval is None else interval)

    def close(self, code: int, reason: str) -> None:
        self._host.close(code, reason)

    async def wait_closed(self) -> ConnectionClosed:
        while self._ending is None:
            await self._closed.wait()
        return self._ending.closed()

    # What streams ask for

    @property
    def limits(self) -> QuicLimits:
        return self._limits

    def flush_soon(self) -> None:
        self._host.flush_soon()

    def stream_changed(self, stream: QuicStream) -> None:
        if stream.writers:
            self._waiting_writers.add(stream)
        if stream.over:
            self._leaving.add(stream)

    # What the connection reports

    def on_event(self, event: events.StreamDataReceived | events.StreamReset | events.StopSendingReceived) -> None:
        stream = self._streams.get(event.stream_id) or self._arrived(event.stream_id)
        if stream is None:
            self._discard(event)
            return
        match event:
            case events.StreamDataReceived():
                stream.on_data(event.data, ends=event.end_stream)
            case events.StreamReset():
                stream.on_reset(event.error_code)
            case events.StopSendingReceived():
                stream.on_stop(event.error_code)
        self.stream_changed(stream)

    def on_progress(self) -> None:
        """Something was received: acknowledgements and new limits may let waiters go on."""
        if self._waiting_writers:
            for stream in self._waiting_writers:
                stream.on_progress()
            self._waiting_writers = {stream for stream in self._waiting_writers if stream.writers}
        self.engine.lower_mark()
        if self.engine.can_open():
            self._openable.wake()
        self._forget_finished()

    def on_moved(self, old: Address, new: Address) -> None:
        for tell in self._watchers:
            tell(old, new)

    def on_end(self, ending: Ending) -> None:
        """Wake everyone, with the one reason that all of them get."""
        self._ending = ending
        for stream in self._streams.values():
            stream.on_end(ending)
        self._streams.clear()
        self._waiting_writers.clear()
        self._leaving.clear()
        self._accepted.clear()
        for wakeup in (self._acceptable, self._openable, self._closed):
            wakeup.wake()

    # Parts

    def _add(self, stream_id: int) -> QuicStream:
        stream = self._streams[stream_id] = QuicStream(self, stream_id)
        return stream

    def _arrived(self, stream_id: int) -> QuicStream | None:
        """A stream not heard of before, queued for a handler; None if it is refused or already over.

        What is not in our table and still live in the engine is new, since ours leave the table after the engine's.
        """
        if stream_id in self._refused or not self.engine.is_live(stream_id):
            return None
        if not self.engine.is_peer_bidi(stream_id) or len(self._accepted) >= self._limits.accept_queue:
            self._refused.add(stream_id)
            self.engine.abort_stream(stream_id, STREAM_REFUSED)
            return None
        stream = self._add(stream_id)
        self._accepted.append(stream)
        self._acceptable.wake()
        return stream

    def _discard(self, event: events.StreamDataReceived | events.StreamReset | events.StopSendingReceived) -> None:
        """Credit what nobody will read, so that a refused stream cannot starve the others."""
        match event:
            case events.StreamDataReceived():
                self.engine.drop(len(event.data))
            case events.StreamReset():
                self.engine.drop(self.engine.undelivered(event.stream_id))

    def _forget_finished(self) -> None:
        for stream in [stream for stream in self._leaving if not self.engine.is_live(stream.stream_id)]:
            self._leaving.discard(stream)
            self._streams.pop(stream.stream_id, None)
        if self._refused:
            self._refused = {stream_id for stream_id in self._refused if self.engine.is_live(stream_id)}
