"""A node's end of SSH that lets everything through, in this process: asyncssh's own server over our QUIC listener."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncssh

from node.client.connect.link import SshLink
from node.client.connect.sign_in import ALPN
from node.core.connection import Connection
from node.core.identity import Address
from node.core.stream_transport import StreamTransport
from node.quic.client.dial import dial_quic
from node.quic.limits import QuicLimits
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey


class _Server(asyncssh.SSHServer):
    def __init__(self, far: "FarSsh") -> None:
        self._far = far

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._far.served.append(conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return self._far.takes_keys

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:
        self._far.asked.append((dest_host, dest_port))
        return self._far.lets_through

    def server_requested(self, listen_host: str, listen_port: int) -> bool:
        return self._far.listens


class FarSsh:
    """Each connection is one SSH connection; `cut` ends all that there are, as if the network had."""

    def __init__(self, key: NodeKey) -> None:
        self.key = key
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.asked: list[Address] = []
        self.takes_keys = self.lets_through = self.listens = True
        self.connections: list[Connection] = []
        self.served: list[asyncssh.SSHServerConnection] = []
        self._factory: Any = None

    async def create_server(self, factory: Any, _host: str, _port: int) -> "FarSsh":
        self._factory = factory
        return self

    def close(self) -> None:
        """Nothing of its own is open."""

    async def wait_closed(self) -> None:
        """Nothing of its own is open."""

    async def start(self) -> None:
        self.listener = await QuicListener.bind("127.0.0.1", 0, key=self.key, alpns=[ALPN], limits=QuicLimits())
        options: Any = {"server_host_keys": [self.host_key], "config": None}
        await asyncssh.listen(tunnel=self, server_factory=lambda: _Server(self), **options)
        self.listener.start(self._accept)

    def _accept(self, connection: Connection, *_: Any, **__: Any) -> None:
        self.connections.append(connection)
        task = asyncio.ensure_future(self._serve(connection))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _serve(self, connection: Connection) -> None:
        connection.keep_alive()
        StreamTransport.attach(await connection.accept_bi(), self._factory("", 0))

    def cut(self) -> None:
        for connection in self.connections:
            connection.close(7, "cut")
        self.connections.clear()

    async def link(self, key: NodeKey | None = None, host_key: str | None = None) -> SshLink:
        mine = key or NodeKey.generate()
        host, port = self.listener.address
        pin = self.key.fingerprint
        connection = await dial_quic(host, port, alpn=ALPN, key=mine, pin=pin, timeout=20)
        return await SshLink.over(connection, mine, host_key, 20)


@contextlib.asynccontextmanager
async def far_ssh() -> AsyncIterator[FarSsh]:
    far = FarSsh(NodeKey.generate())
    await far.start()
    try:
        yield far
    finally:
        far.cut()
        for ssh in far.served:
            ssh.abort()
            await ssh.wait_closed()
        await far.listener.close()
        await asyncio.sleep(0)  # its sockets close in a turn of the loop of their own
