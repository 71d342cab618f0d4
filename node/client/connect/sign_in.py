"""Signing in to a node by SSH, over one stream of a QUIC connection.

The node is known by the key that the connection is pinned to, before a byte of SSH is said. SSH signs us in, by the
same key of ours. Its host key proves nothing more then, and is checked where it is given.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import asyncssh
from asyncssh.kex import get_kex_algs
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from node.core.connection import Connection
from node.core.errors import StreamError
from node.core.stream_transport import StreamTransport
from node.handlers.ssh.algorithms import CIPHERS, KEY_EXCHANGE, MACS, SIGNATURES, available
from node.handlers.ssh.guarded import Guarded
from node.quic.tls.keys import NodeKey

ALPN = b"alknet/ssh"
USER = "alknet"
"""The name that is sent; a node goes by the key alone."""
CLIENT_VERSION = "Alknet"

logging.getLogger("asyncssh").setLevel(logging.CRITICAL + 1)  # its lines tell destinations


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


class Carrier:
    """What asyncssh takes for a connection to go through: one stream, and `guard` between the two."""

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


async def sign_in(carrier: Carrier, key: NodeKey, host_key: str | None, timeout: float) -> asyncssh.SSHClientConnection:
    """Sign in by `key` within `timeout` seconds. `host_key` is an OpenSSH line, if the node's is to be checked.

    Raises SignInRefused, AnotherHostKey, SshFailed; the carrier's connection is the caller's to close.
    """
    try:
        async with asyncio.timeout(timeout):
            ssh = await _connect(carrier, key, host_key)
    except (asyncssh.Error, OSError, StreamError) as error:
        raise _told(error) from None
    carrier.guard.let_in()
    return ssh


async def _connect(carrier: Carrier, key: NodeKey, host_key: str | None) -> asyncssh.SSHClientConnection:
    raw = key.private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return await asyncssh.connect(
        "node",
        22,
        tunnel=carrier,
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
