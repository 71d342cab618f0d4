"""One SSH connection to a node, on one stream of a QUIC connection.

The node is known by the key that the QUIC connection is pinned to, before a byte of SSH is said. SSH signs us in, by
the same key of ours. Its host key proves nothing more then, and is checked where it is given.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import asyncssh
from asyncssh.kex import get_kex_algs
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from node.client.connect.channel import ChannelStream
from node.client.opener import OpenFailed
from node.core.connection import CLOSE_NORMAL, Connection
from node.core.errors import ConnectionClosed, StreamError
from node.core.identity import Address
from node.core.stream_transport import StreamTransport
from node.handlers.ssh.algorithms import CIPHERS, KEY_EXCHANGE, MACS, SIGNATURES, available
from node.handlers.ssh.guarded import Guarded
from node.quic.tls.keys import NodeKey

ALPN = b"alknet/ssh"
USER = "alknet"
"""The name that is sent; a node goes by the key alone."""
CLIENT_VERSION = "Alknet"

logging.getLogger("asyncssh").setLevel(logging.CRITICAL + 1)  # its lines tell destinations


Accept = Callable[[ChannelStream], Awaitable[None]]
"""Takes a channel that comes to a port on the node, and is open once this has returned. Raises OpenFailed."""


class SignInRefused(Exception):
    """The node does not take our key for SSH."""


class AnotherHostKey(Exception):
    """The node's SSH has another host key than the given one."""


class SshFailed(Exception):
    """There is no SSH connection, for a reason that may pass."""


def is_host_key(line: str) -> bool:
    """Whether it is an Ed25519 public key as OpenSSH writes it."""
    try:
        return asyncssh.import_public_key(line).get_algorithm() == "ssh-ed25519"
    except asyncssh.KeyImportError:
        return False


class SshLink:
    """Made by `over`, signed in. It opens channels, and listens on the node."""

    def __init__(self, connection: Connection, ssh: asyncssh.SSHClientConnection, tunnel: "_Tunnel") -> None:
        self._connection = connection
        self._ssh = ssh
        self._guard = tunnel.guard
        self._transport = tunnel.transport

    @classmethod
    async def over(cls, connection: Connection, key: NodeKey, host_key: str | None, timeout: float) -> "SshLink":
        """Sign in over a connection of `ALPN`, which is ours from now on. `timeout` is in seconds.

        `host_key` is an OpenSSH line, if the node's is to be checked. Raises SignInRefused, AnotherHostKey, SshFailed.
        """
        connection.keep_alive()
        tunnel = _Tunnel(connection)
        try:
            async with asyncio.timeout(timeout):
                ssh = await _sign_in(tunnel, key, host_key)
        except (asyncssh.Error, OSError, StreamError) as error:
            connection.close()
            raise _told(error) from None
        except asyncio.CancelledError:
            connection.close()
            raise
        tunnel.guard.let_in()
        return cls(connection, ssh, tunnel)

    async def open(self, host: str, port: int) -> ChannelStream:
        """Raises OpenFailed where the node refuses or cannot, ConnectionClosed where the connection ends meanwhile."""
        stream = ChannelStream(self._guard.writable)
        try:
            await self._ssh.create_connection(lambda: stream.session, host, port)
        except asyncssh.ChannelOpenError:
            if self._transport.is_closing():
                raise ConnectionClosed from None
            raise OpenFailed from None
        except (asyncssh.Error, OSError):
            raise ConnectionClosed from None
        return stream

    async def listen(self, bind: Address, accept: Callable[[ChannelStream], Awaitable[None]]) -> asyncssh.SSHListener:
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


class _Tunnel:
    """What asyncssh takes for a connection to go through."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.guard: Guarded
        self.transport: StreamTransport

    async def create_connection(self, factory: Callable[[], Any], _host: str, _port: int) -> tuple[Any, Any]:
        ssh = factory()
        self.guard = Guarded(ssh)
        self.transport = StreamTransport.attach(await self._connection.open_bi(), self.guard)
        return self.transport, ssh

    def close(self) -> None:
        """The link closes the connection."""

    async def wait_closed(self) -> None:
        """Nothing is left of it."""


class _Client(asyncssh.SSHClient):
    """asyncssh asks it about the host key."""

    def __init__(self, host_key: str | None) -> None:
        self._host_key = None if host_key is None else asyncssh.import_public_key(host_key)

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        return self._host_key is None or key == self._host_key


async def _sign_in(tunnel: _Tunnel, key: NodeKey, host_key: str | None) -> asyncssh.SSHClientConnection:
    raw = key.private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return await asyncssh.connect(
        "node",
        22,
        tunnel=tunnel,
        client_factory=lambda: _Client(host_key),
        username=USER,
        client_keys=[asyncssh.import_private_key(raw)],
        client_version=CLIENT_VERSION,
        known_hosts=([], [], []),
        server_host_key_algs=["ssh-ed25519"],
        kex_algs=available(KEY_EXCHANGE, [name.decode() for name in get_kex_algs()]),
        encryption_algs=list(CIPHERS),
        mac_algs=list(MACS),
        signature_algs=list(SIGNATURES),
        compression_algs=None,
        config=None,
        agent_path=None,
        password=None,
        preferred_auth="publickey",
        gss_host=None,
        x509_trusted_certs=None,
        tcp_keepalive=False,
    )


def _told(error: asyncssh.Error | OSError | StreamError) -> Exception:
    """The errors of this room in place of asyncssh's, whose words are a stranger's."""
    match error:
        case asyncssh.PermissionDenied():
            return SignInRefused("the node does not take this key")
        case asyncssh.HostKeyNotVerifiable():
            return AnotherHostKey("the SSH of the node has another host key than the given one")
        case TimeoutError():
            return SshFailed("the node does not answer by SSH in time")
        case _:
            return SshFailed("the node ended the connection before we were signed in")
