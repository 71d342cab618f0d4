"""What a handler sees of the network: one duplex stream, and the connection that yields them (spec core §4).

Handlers are written against these two and never learn which transport carries them.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple, Protocol

from node.core.errors import ConnectionClosed, LastStream, OnlyStream, StreamError
from node.core.identity import Address, Identity

CLOSE_NORMAL = 0
CLOSE_REVOKED = 0x41
"""The application close code of a connection whose peer lost its rights; the reason says which way."""
CLOSE_TOKENS = 0x42
"""The application close code of a connection that came with too many tokens that are nobody's."""
CLOSE_DISCONNECTED = 0x43
"""The application close code of a connection that an administrator ended; the reason is that person's."""
CLOSE_LOCKED = 0x44
"""The application close code of a connection that a lock holds back; the reason is the lock's message."""


Moved = Callable[[Address, Address], None]
"""Told of a peer's old address and its new one, which it has proven. Called on the loop; must not raise."""


class Proven(NamedTuple):
    """Who a protocol has found out that its client is, and by which key, where that has a name. For logs alone."""

    identity: Identity
    fingerprint: str | None = None


Told = Callable[[Proven], None]
"""Told of it, on the loop; must not raise."""


class IdentityAlreadySet(RuntimeError):
    """A connection's identity is written once, for logs; the access check never reads it."""


class Transferred(NamedTuple):
    """Bytes of the streams' contents so far, counted once however often the network carried them."""

    received: int
    sent: int


class BiStream(ABC):
    """One ordered byte stream each way. Reads and writes raise StreamError; both ends close on their own.

    One task reads and one task writes at a time.
    """

    @abstractmethod
    async def read(self, limit: int = 65_536) -> bytes:
        """1 to `limit` bytes as soon as there are any; b"" once the peer has finished its side."""

    @abstractmethod
    async def write(self, data: bytes) -> None:
        """Queue all of `data`, waiting while too much of what was written before is not yet delivered."""

    @abstractmethod
    def finish(self) -> None:
        """No more writes: the peer reads what is queued, then its end. Harmless when repeated."""

    async def write_last(self, data: bytes) -> None:
        """`write`, and `finish` if nothing failed."""
        await self.write(data)
        self.finish()

    @abstractmethod
    def reset(self, code: int = 0) -> None:
        """Drop both directions at once: unread and unsent bytes are lost, the peer's reads and writes fail."""

    def stop_reading(self, code: int = 0) -> None:  # noqa: B027 - nothing to do where there is no word for it
        """Drop what is unread and what comes: the peer's writes fail. Our own direction goes on.

        Where a transport cannot say so to the peer, what comes is left unread, and its writes wait.
        """

    async def broken(self) -> StreamError:
        """Wait until reading has failed, be it that nobody reads: by a reset, or with the connection. Tells how.

        Not where the peer's end has come before, as all up to it can still be read. For ever where the transport
        notices such a thing only when it is read from.
        """
        return await _never()

    async def stopped(self) -> StreamError:
        """Wait until writing has failed, be it that nobody writes: the peer reads no more, or is gone. Tells how.

        For ever where the transport notices such a thing only when it is written to.
        """
        return await _never()

    async def delivered(self) -> None:  # noqa: B027 - nothing to do where the system does it
        """Wait until the peer's transport has all that was written, its end included. Raises StreamError.

        A connection that is closed takes along what was not delivered. At once where the system sees to that.
        """

    def set_aside(self, take: Callable[[int], bool] | None) -> None:  # noqa: B027 - nothing to do for most
        """Nothing is read here for a while, which is to hold up no other stream of the connection; None ends that.

        Streams of one connection may share a window. What is unread here, and what comes, then no longer fills it,
        where `take` lets so many bytes be held: it is asked at once, and for each arrival. The stream's own window
        still bounds them. Nothing to do where streams share nothing.
        """

    @property
    def at_end(self) -> bool:
        """Whether the peer has finished its side and all of it was read; False also where that is not known yet."""
        return False

    async def peek(self, count: int) -> bytes:
        """The next 1 to `count` bytes as soon as there are any, left where they are.

        b"" where there are none to come, whose reason `read` tells; and of a transport that cannot look ahead, at once.
        """
        return b""

    async def read_exactly(self, count: int) -> bytes:
        """Exactly `count` bytes. Raises EOFError if the peer finishes before."""
        parts: list[bytes] = []
        while count > 0:
            part = await self.read(min(count, 65_536))
            if not part:
                raise EOFError("the stream ended early")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


async def _never() -> StreamError:
    never: asyncio.Future[StreamError] = asyncio.get_running_loop().create_future()
    return await never


class BidiStreamSource(Protocol):
    """A transport: whatever can yield duplex streams to one remote side."""

    @property
    def remote_addr(self) -> Address | None: ...

    @property
    def transferred(self) -> Transferred | None:
        """How much has gone over the connection; None where the transport does not count it."""
        ...

    def watch_moves(self, tell: Moved) -> None:
        """Have each change of the peer's address told. A transport whose peers stay where they are never calls."""
        ...

    def keep_alive(self, interval: float | None) -> None:
        """Keep the connection from falling idle while both sides are there. Nothing to do without an idle time-out."""
        ...

    async def accept_bi(self) -> BiStream:
        """The next stream that the peer opened. Raises ConnectionClosed when there can be no more.

        Where those that were given are not over by that, it raises LastStream.
        """
        ...

    async def open_bi(self) -> BiStream:
        """A new stream of ours, waiting while the peer allows no more. Raises StreamError.

        It is OnlyStream where there never can be another than the one to accept.
        """
        ...

    def close(self, code: int, reason: str) -> None:
        """End the connection at once; `reason` is shown to the peer. Harmless when repeated."""
        ...

    async def wait_closed(self) -> ConnectionClosed:
        """Wait until the connection has ended, whoever ended it, and tell how."""
        ...


class Connection:
    """One negotiated connection: a transport, its ALPN, and a write-once identity for logs."""

    def __init__(self, source: BidiStreamSource, alpn: bytes, transport: str = "quic") -> None:
        self._source = source
        self._proven: Proven | None = None
        self._tell_proven: Told = lambda _: None
        self.remote_alpn = alpn
        self.transport = transport
        """What carries it, for rules that ask: "quic", "tcp", or "channel" for a stream within something else."""

    @classmethod
    def from_bidi(
        cls, stream: BiStream, alpn: bytes, remote_addr: Address | None = None, transport: str = "channel"
    ) -> "Connection":
        """A connection over a transport that carries exactly one stream (TCP+TLS, a channel, a Unix socket)."""
        return cls(SingleStreamSource(stream, remote_addr), alpn, transport)

    @property
    def remote_addr(self) -> Address | None:
        return self._source.remote_addr

    @property
    def transferred(self) -> Transferred | None:
        return self._source.transferred

    def watch_moves(self, tell: Moved) -> None:
        """Have `tell(old, new)` called when the peer has proven another address, until the connection ends."""
        self._source.watch_moves(tell)

    def keep_alive(self, interval: float | None = None) -> None:
        """Have the transport see to it that the connection does not fall idle, from now to its end.

        It sends something after `interval` seconds of quiet; without one, after those of its own setting. A peer that
        has vanished is noticed as it would be otherwise. Meant for protocols that wait for long with nothing to say.
        """
        if interval is not None and not interval > 0:
            raise ValueError("an interval is longer than nothing")
        self._source.keep_alive(interval)

    @property
    def identity(self) -> Identity | None:
        return None if self._proven is None else self._proven.identity

    def set_identity(self, identity: Identity, fingerprint: str | None = None) -> None:
        """Have it known whom the protocol has found out, by which key. Raises IdentityAlreadySet."""
        if self._proven is not None:
            raise IdentityAlreadySet
        self._proven = Proven(identity, fingerprint)
        self._tell_proven(self._proven)

    def watch_identity(self, tell: Told) -> None:
        """Have `tell` called when that is known."""
        self._tell_proven = tell

    async def accept_bi(self) -> BiStream:
        return await self._source.accept_bi()

    async def open_bi(self) -> BiStream:
        return await self._source.open_bi()

    def close(self, code: int = CLOSE_NORMAL, reason: str = "") -> None:
        self._source.close(code, reason)

    async def wait_closed(self) -> ConnectionClosed:
        return await self._source.wait_closed()


class SingleStreamSource:
    """Yields one stream on the first accept, and LastStream ever after; can open none (spec core §4)."""

    def __init__(self, stream: BiStream, remote_addr: Address | None) -> None:
        self._stream: BiStream | None = stream
        self._given: BiStream = stream
        self._closed = asyncio.Event()
        self._end = ConnectionClosed()
        self.remote_addr = remote_addr

    @property
    def transferred(self) -> Transferred | None:
        """What carries the stream counts, if it does."""
        return None

    def watch_moves(self, tell: Moved) -> None:
        """Its one stream cannot move."""

    def keep_alive(self, interval: float | None) -> None:
        """What carries the stream has no idle time-out."""

    async def accept_bi(self) -> BiStream:
        if self._closed.is_set():
            raise self._end
        stream, self._stream = self._stream, None
        if stream is None:
            raise LastStream
        return stream

    async def open_bi(self) -> BiStream:
        raise OnlyStream

    def close(self, code: int, reason: str) -> None:
        if not self._closed.is_set():
            self._end = ConnectionClosed(code, reason)
            self._stream = None
            self._given.reset()
            self._closed.set()

    async def wait_closed(self) -> ConnectionClosed:
        await self._closed.wait()
        return self._end
