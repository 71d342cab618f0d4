"""A forwarded connection's channel as a stream: asyncssh's channels, and what it calls for each."""

import asyncio
from typing import TYPE_CHECKING

import asyncssh

from node.core.errors import StreamClosed, StreamError
from node.handlers.ssh.channel import PACKET
from node.handlers.ssh.stream import ChannelStream

if TYPE_CHECKING:
    _Tcp = asyncssh.SSHTCPChannel[bytes]
    _Unix = asyncssh.SSHUNIXChannel[bytes]
    _Session = asyncssh.SSHTCPSession[bytes]
else:
    _Tcp, _Unix, _Session = asyncssh.SSHTCPChannel, asyncssh.SSHUNIXChannel, asyncssh.SSHTCPSession

Channel = _Tcp | _Unix
SEND_AHEAD = 32 * 1024
"""Bytes of one channel that wait for the client before its writers wait."""


def tcp_channel(ssh: asyncssh.SSHServerConnection, window: int) -> _Tcp:
    """Raises asyncssh.ChannelOpenError once the connection is closed."""
    return asyncssh.SSHTCPChannel(ssh, asyncio.get_running_loop(), None, "strict", window, PACKET)


def unix_channel(ssh: asyncssh.SSHServerConnection, window: int) -> _Unix:
    """The same."""
    return asyncssh.SSHUNIXChannel(ssh, asyncio.get_running_loop(), None, "strict", window, PACKET)


class ForwardStream(ChannelStream):
    """What a client has sent can be read to its end, also once it has closed the channel."""

    def __init__(self, channel: Channel, connection_takes: asyncio.Event) -> None:
        super().__init__(channel, connection_takes)
        self.keeps = True
        self._nobody = asyncio.Event()

    async def stopped(self) -> StreamError:
        await self._nobody.wait()
        return StreamClosed()

    def lost(self) -> None:
        super().lost()
        self._nobody.set()

    def reset(self, code: int = 0) -> None:
        """Also what has come is dropped."""
        self.keeps = False
        super().reset(code)
        self.lost()

    def close(self) -> None:
        """Close the channel behind what was written."""
        if not self._gone:
            self._channel.close()


class ForwardSession(_Session):
    """asyncssh calls the methods of this one; for Unix sockets it calls the same."""

    def __init__(self, channel: Channel, connection_takes: asyncio.Event) -> None:
        self.stream = ForwardStream(channel, connection_takes)
        self.started = asyncio.Event()
        self._channel = channel
        self._over = False

    def connection_made(self, chan: object) -> None:
        self._channel.set_write_buffer_limits(SEND_AHEAD)

    def session_started(self) -> None:
        self.started.set()
        if self._over:
            asyncio.get_running_loop().call_soon(self._channel.abort)

    def end(self) -> None:
        """Drop what is under way, and close the channel, be it that it opens only now."""
        self._over = True
        self.stream.reset()

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self.stream.fed(data)

    def eof_received(self) -> bool:
        """True: the client may go on reading."""
        self.stream.ended()
        return True

    def pause_writing(self) -> None:
        self.stream.pause()

    def resume_writing(self) -> None:
        self.stream.go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed. Where the connection is, `end` is called in between: then nothing was in order."""
        asyncio.get_running_loop().call_soon(self.stream.lost)
