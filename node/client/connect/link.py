"""One SSH connection to a node: channels to hosts that it reaches, and ports on it that lead here."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncssh

from node.client.connect.channel import ChannelStream
from node.client.connect.sign_in import Carrier, sign_in
from node.client.opener import OpenFailed
from node.core.connection import CLOSE_NORMAL, Connection
from node.core.errors import ConnectionClosed
from node.core.identity import Address
from node.quic.tls.keys import NodeKey

Accept = Callable[[ChannelStream], Awaitable[None]]
"""Takes a channel that comes to a port on the node, and is open once this has returned. Raises OpenFailed."""


class SshLink:
    """Made by `over`, signed in. It opens channels, and listens on the node."""

    def __init__(self, connection: Connection, ssh: asyncssh.SSHClientConnection, carrier: Carrier) -> None:
        self._connection = connection
        self._ssh = ssh
        self._guard = carrier.guard
        self._transport = carrier.transport

    @classmethod
    async def over(cls, connection: Connection, key: NodeKey, host_key: str | None, timeout: float) -> "SshLink":
        """Sign in over a connection of `ALPN`, which is ours from now on; otherwise as `sign_in`."""
        connection.keep_alive()
        carrier = Carrier(connection)
        try:
            ssh = await sign_in(carrier, key, host_key, timeout)
        except BaseException:
            connection.close()
            raise
        return cls(connection, ssh, carrier)

    async def open(self, host: str, port: int) -> ChannelStream:
        """Raises OpenFailed where the node refuses or cannot, ConnectionClosed where the connection ends meanwhile."""
        stream = ChannelStream(self._guard.writable)
        opening = asyncio.ensure_future(self._ssh.create_connection(lambda: stream.session, host, port))
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(lambda done: _drop(done, stream))
            raise
        except asyncssh.ChannelOpenError:
            if self._transport.is_closing():
                raise ConnectionClosed from None
            raise OpenFailed from None
        except (asyncssh.Error, OSError):
            raise ConnectionClosed from None
        return stream

    async def listen(self, bind: Address, accept: Accept) -> asyncssh.SSHListener:
        """Have the node listen there; `accept` raises OpenFailed for what comes and is not wanted.

        Raises OpenFailed where the node refuses or cannot.
        """

        async def session(_host: str, _port: int) -> Any:
            stream = ChannelStream(self._guard.writable)
            try:
                await accept(stream)
            except OpenFailed:
                raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "") from None
            return stream.session

        try:
            return await self._ssh.create_server(session, *bind)
        except (asyncssh.Error, asyncssh.ChannelListenError, OSError):
            raise OpenFailed from None

    async def wait_closed(self) -> ConnectionClosed:
        """Wait until it has ended, and tell how, as far as the node has said."""
        await self._ssh.wait_closed()
        self._connection.close()
        return await self._connection.wait_closed()

    def close(self) -> None:
        """End it at once, and tell the node. Harmless when repeated."""
        self._ssh.abort()
        self._connection.close(CLOSE_NORMAL, "")


def _drop(opening: "asyncio.Future[Any]", stream: ChannelStream) -> None:
    """Close a channel that nobody waits for any more. asyncssh would leave it open if its opening were cancelled."""
    if not opening.cancelled() and opening.exception() is None:
        stream.reset()
