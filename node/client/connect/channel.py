"""A channel of asyncssh's client as a stream."""

import asyncio
from typing import Any, cast

import asyncssh

from node.core.connection import BiStream
from node.core.errors import StreamClosed, StreamError

UNREAD = 128 * 1024
"""Bytes that have come and were not read, from half of which on the channel's window fills and holds the peer back."""


class ChannelStream(BiStream):
    """Made with the event that says whether the connection beneath takes more; its `session` is asyncssh's."""

    def __init__(self, connection_writable: asyncio.Event) -> None:
        self.session = _Session(self)
        self._connection_writable = connection_writable
        self._reader = asyncio.StreamReader(UNREAD // 2)
        self._channel: asyncssh.SSHTCPChannel[bytes] | None = None
        self._ended = self._finished = False
        self._sent = asyncio.Event()
        """Set while nothing waits for the channel's window."""
        self._sent.set()
        self._gone = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether it was opened, and is not gone."""
        return self._channel is not None and not self._gone.is_set()

    async def read(self, limit: int = 65_536) -> bytes:
        try:
            return await self._reader.read(limit)
        except OSError:
            raise StreamClosed from None

    async def write(self, data: bytes) -> None:
        """Waits until the channel's window and the connection have taken all of it."""
        if self._channel is None or self._gone.is_set():
            raise StreamClosed
        try:
            self._channel.write(data)
        except OSError:
            raise StreamClosed from None
        await self._sent.wait()
        await self._connection_writable.wait()
        if self._gone.is_set():
            raise StreamClosed

    def finish(self) -> None:
        if self._channel is not None and not self._finished:
            self._finished = True
            if not self._gone.is_set():
                self._channel.write_eof()
            self._close_if_done()

    def reset(self, code: int = 0) -> None:
        if self._channel is not None:
            self._channel.abort()

    async def stopped(self) -> StreamError:
        await self._gone.wait()
        return StreamClosed()

    # What the session is told

    def opened(self, channel: asyncssh.SSHTCPChannel[bytes]) -> None:
        self._channel = channel
        channel.set_write_buffer_limits(high=0)
        self._reader.set_transport(cast("asyncio.Transport", channel))

    def came(self, data: bytes) -> None:
        self._reader.feed_data(data)

    def ended(self) -> None:
        self._ended = True
        self._reader.feed_eof()
        self._close_if_done()

    def sent(self, everything: bool) -> None:  # noqa: FBT001 - the two calls below
        if everything:
            self._sent.set()
        else:
            self._sent.clear()

    def gone(self) -> None:
        """A channel that is closed without an end before was reset."""
        if not self._ended:
            self._reader.set_exception(ConnectionResetError())
        self._gone.set()
        self._sent.set()

    def _close_if_done(self) -> None:
        if self._ended and self._finished and self._channel is not None:
            self._channel.close()


class _Session(asyncssh.SSHTCPSession[bytes]):
    """What asyncssh calls."""

    def __init__(self, stream: ChannelStream) -> None:
        self._stream = stream

    def connection_made(self, chan: Any) -> None:
        self._stream.opened(chan)

    def data_received(self, data: bytes, datatype: Any) -> None:
        self._stream.came(data)

    def eof_received(self) -> bool:
        self._stream.ended()
        return True

    def pause_writing(self) -> None:
        self._stream.sent(everything=False)

    def resume_writing(self) -> None:
        self._stream.sent(everything=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stream.gone()
