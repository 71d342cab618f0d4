"""What a program or a subsystem sees of a channel, which is one stream."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING

import asyncssh
from asyncssh.channel import SSHChannel

from node.core.connection import BiStream
from node.core.errors import StreamClosed

if TYPE_CHECKING:
    AnyChannel = SSHChannel[bytes]

_HELD = 64 * 1024
"""Bytes of one channel that wait for their reader before asyncssh keeps the rest, and so the client."""


class ChannelStream(BiStream):
    """A channel's data as a stream, and its standard error beside it. Writers wait for the channel and the connection.

    asyncssh tells it what comes by `fed`, `ended` and `lost`, and when to wait by `pause` and `go_on`.
    """

    keeps = False
    """Whether what has come before the channel's end can be read after it."""

    def __init__(self, channel: "AnyChannel", connection_takes: asyncio.Event) -> None:
        self._channel = channel
        self._connection_takes = connection_takes
        self._channel_takes = asyncio.Event()
        self._channel_takes.set()
        self._waiting: deque[bytes] = deque()
        self._held = 0
        self._news = asyncio.Event()
        self._ended = self._gone = self._finished = False

    async def read(self, limit: int = 65_536) -> bytes:
        while not self._waiting:
            if self._gone and not self.keeps:
                raise StreamClosed
            if self._ended or self._gone:
                return b""
            self._news.clear()
            await self._news.wait()
        data = self._waiting.popleft()
        if len(data) > limit:
            self._waiting.appendleft(data[limit:])
            data = data[:limit]
        self._held -= len(data)
        if self._held <= _HELD // 2 and not self._gone:
            self._channel.resume_reading()
        return data

    async def write(self, data: bytes) -> None:
        await self._write(data, None)

    async def write_error(self, data: bytes) -> None:
        """The same to the client's standard error."""
        await self._write(data, asyncssh.EXTENDED_DATA_STDERR)

    def finish(self) -> None:
        if not self._gone and not self._finished:
            self._finished = True
            self._channel.write_eof()

    def reset(self, code: int = 0) -> None:
        if not self._gone:
            self._channel.abort()
            self.lost()

    @property
    def at_end(self) -> bool:
        return self._ended and not self._waiting

    def fed(self, data: bytes) -> None:
        """The client has sent these."""
        self._waiting.append(data)
        self._held += len(data)
        self._news.set()
        if self._held >= _HELD:
            self._channel.pause_reading()

    def ended(self) -> None:
        """The client sends no more."""
        self._ended = True
        self._news.set()

    def lost(self) -> None:
        """There is no channel any more."""
        self._gone = True
        if not self.keeps:
            self._waiting.clear()
        self._news.set()
        self._channel_takes.set()

    def pause(self) -> None:
        """The client takes no more for now."""
        self._channel_takes.clear()

    def go_on(self) -> None:
        self._channel_takes.set()

    async def _write(self, data: bytes, kind: int | None) -> None:
        """Wait first, so that what is written next is held back by what was written before."""
        await self._room()
        if self._gone or self._finished or self._channel.is_closing():
            raise StreamClosed
        self._channel.write(data, kind)

    async def _room(self) -> None:
        while not self._gone and not (self._channel_takes.is_set() and self._connection_takes.is_set()):
            await self._channel_takes.wait()
            await self._connection_takes.wait()
