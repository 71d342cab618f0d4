"""An in-memory transport: two ends of a connection in one process, with the same contract as the network's.

It lets protocol tests cut, merge and stall bytes exactly where they want; tests/contract/ holds it to the contract
together with the QUIC transport.
"""

import asyncio
import contextlib
from collections import deque

from node.core.connection import BiStream, Connection, Moved, Transferred
from node.core.errors import ConnectionClosed, StreamClosed, StreamError
from node.core.identity import Address

HIGH_WATER = 65_536


class _Pipe:
    """One direction: bytes, an end, or a break."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.ended = False
        self.broken: Exception | None = None
        self.changed = asyncio.Condition()

    def wake(self) -> None:
        self._waking = asyncio.ensure_future(self._notify())

    async def _notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def wait(self, condition: object) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: self.broken is not None or condition())  # type: ignore[operator]
        if self.broken is not None:
            raise self.broken


class MemoryStream(BiStream):
    """One end of a stream."""

    def __init__(self, incoming: _Pipe, outgoing: _Pipe) -> None:
        self._incoming, self._outgoing = incoming, outgoing

    async def read(self, limit: int = 65_536) -> bytes:
        pipe = self._incoming
        await pipe.wait(lambda: pipe.buffer or pipe.ended)
        data = bytes(pipe.buffer[:limit])
        del pipe.buffer[:limit]
        pipe.wake()
        return data

    @property
    def at_end(self) -> bool:
        return self._incoming.ended and not self._incoming.buffer and self._incoming.broken is None

    async def peek(self, count: int) -> bytes:
        pipe = self._incoming
        with contextlib.suppress(ConnectionClosed, StreamClosed):
            await pipe.wait(lambda: pipe.buffer or pipe.ended)
        return bytes(pipe.buffer[:count]) if pipe.broken is None else b""

    async def write(self, data: bytes) -> None:
        pipe = self._outgoing
        if pipe.ended:
            raise StreamClosed
        await pipe.wait(lambda: len(pipe.buffer) < HIGH_WATER)
        pipe.buffer += data
        pipe.wake()

    def finish(self) -> None:
        self._outgoing.ended = True
        self._outgoing.wake()

    def stop_reading(self, code: int = 0) -> None:
        if not self._incoming.broken:
            self._incoming.buffer.clear()
            self._incoming.broken = StreamClosed(code)
            self._incoming.wake()

    async def broken(self) -> StreamError:
        return await self._failure(self._incoming)

    async def stopped(self) -> StreamError:
        return await self._failure(self._outgoing)

    async def _failure(self, pipe: _Pipe) -> StreamError:
        async with pipe.changed:
            await pipe.changed.wait_for(lambda: pipe.broken is not None)
        assert isinstance(pipe.broken, StreamError)
        return pipe.broken

    async def delivered(self) -> None:
        pipe = self._outgoing
        await pipe.wait(lambda: not pipe.buffer)

    def reset(self, code: int = 0) -> None:
        self.fail(StreamClosed(code))

    def fail(self, error: Exception) -> None:
        for pipe in (self._incoming, self._outgoing):
            pipe.broken = pipe.broken or error
            pipe.wake()


def stream_pair() -> tuple[MemoryStream, MemoryStream]:
    one, other = _Pipe(), _Pipe()
    return MemoryStream(one, other), MemoryStream(other, one)


class MemorySource:
    """One end of a connection."""

    def __init__(self) -> None:
        self.remote_addr: Address = ("192.0.2.1", 4433)
        self.watchers: list[Moved] = []
        self.peer: MemorySource = self
        self._queue: deque[MemoryStream] = deque()
        self._streams: list[MemoryStream] = []
        self._end: ConnectionClosed | None = None
        self._changed = asyncio.Event()

    @property
    def transferred(self) -> Transferred | None:
        """Nobody counts here."""
        return None

    def watch_moves(self, tell: Moved) -> None:
        self.watchers.append(tell)

    def keep_alive(self, interval: float | None) -> None:
        """Memory does not fall idle."""

    def move(self, new: Address) -> None:
        """As if the peer had proven another address."""
        old, self.remote_addr = self.remote_addr, new
        for tell in self.watchers:
            tell(old, new)

    async def accept_bi(self) -> BiStream:
        while not self._queue:
            if self._end is not None:
                raise self._end
            self._changed.clear()
            await self._changed.wait()
        return self._queue.popleft()

    async def open_bi(self) -> MemoryStream:
        if self._end is not None:
            raise self._end
        mine, theirs = stream_pair()
        self._streams.append(mine)
        self.peer._streams.append(theirs)
        self.peer._queue.append(theirs)
        self.peer._changed.set()
        return mine

    def close(self, code: int, reason: str) -> None:
        for side in (self, self.peer):
            if side._end is None:
                side._end = ConnectionClosed(code, reason)
                side._queue.clear()
                side._changed.set()
                for stream in side._streams:
                    stream.fail(side._end)

    async def wait_closed(self) -> ConnectionClosed:
        while self._end is None:
            self._changed.clear()
            await self._changed.wait()
        return self._end


def connection_pair(alpn: bytes) -> tuple[Connection, Connection]:
    one, other = MemorySource(), MemorySource()
    one.peer, other.peer = other, one
    return Connection(one, alpn), Connection(other, alpn)
