"""asyncssh, made to serve whatever stream it is given.

Its servers listen on sockets, or through another SSH connection: then they ask an object with `create_server` for a
listener, and get connections by calling the factory that they have handed over. Such an object is all that is needed to
have one made for each stream. What else is used of it is named here; where any of that is not as it was, nothing is
served.
"""

import inspect
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import asyncssh
from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from node.handlers.ssh import certificates, dropbear, rekeying, small_packets
from node.handlers.ssh.algorithms import CIPHERS, KEY_EXCHANGE, MACS, POST_QUANTUM, SIGNATURES, available
from node.handlers.ssh.errors import ShapeChanged
from node.handlers.ssh.limits import SshSettings

VERSION = "2.24.1"
SERVER_VERSION = "Alknet"
"""What clients are told of the server's make. No number: that helps nobody but whoever looks for old ones."""
_KEY_EXCHANGES = {"any": KEY_EXCHANGE, "post-quantum": POST_QUANTUM}
_MUST_BE_OFF = (
    "_password_auth", "_kbdint_auth", "_host_based_auth", "_gss_kex_auth", "_gss_mic_auth", "_allow_pty",
    "_x11_forwarding", "_agent_forwarding", "_line_editor", "_authorized_client_keys", "_x509_trusted_certs",
    "_process_factory", "_session_factory", "_sftp_factory",
)  # fmt: skip
"""Of every connection that asyncssh makes for us: what it must not do, by its own names."""
_TAKES = {
    "SSHServerChannel.__init__": ("conn", "loop", "allow_pty", "line_editor", "line_echo", "line_history",
                                  "max_line_length", "encoding", "errors", "window", "max_pktsize"),
    "SSHServerChannel._process_env_request": ("packet",),
    "SSHTCPChannel.__init__": ("conn", "loop", "encoding", "errors", "window", "max_pktsize"),
    "SSHUNIXChannel.__init__": ("conn", "loop", "encoding", "errors", "window", "max_pktsize"),
    "SSHTCPChannel.accept": ("session_factory", "host", "port", "orig_host", "orig_port"),
    "SSHUNIXChannel.accept": ("session_factory", "path"),
    "SSHServerConnection.data_received": ("data", "datatype"),
}  # fmt: skip

Connected = TypeVar("Connected")

logging.getLogger("asyncssh").setLevel(logging.CRITICAL + 1)  # its lines tell commands, variables and destinations


class Acceptor:
    """Makes the server's end of SSH connections that share one host key and one set of options."""

    def __init__(self) -> None:
        """Not to be called: `open_acceptor` does."""
        self._factory: Callable[[str, int], Any] | None = None
        self._server: asyncssh.SSHServer | None = None

    async def create_server(self, factory: Callable[[str, int], Any], _host: str, _port: int) -> "Acceptor":
        """asyncssh calls this, as if to listen through another connection."""
        self._factory = factory
        return self

    def connection(self, server: asyncssh.SSHServer, connect: Callable[[Any], Connected]) -> Connected:
        """Make one connection that asks `server`, and give what `connect` makes of it. Raises ShapeChanged."""
        if self._factory is None:
            raise ShapeChanged("asyncssh has not asked for a listener")
        made = self._factory("", 0)
        _require_shut(made)
        dropbear.make_room(made)
        small_packets.refuse_small_packets(made)
        self._server = server
        try:
            return connect(made)
        finally:
            self._server = None

    def close(self) -> None:
        """Nothing is open."""

    async def wait_closed(self) -> None:
        """Nothing is open."""

    def _take_server(self) -> asyncssh.SSHServer:
        """asyncssh calls this when a connection has its transport, which it gets within `connection`."""
        if self._server is None:
            raise ShapeChanged("asyncssh asks for a server at another time")
        return self._server


async def open_acceptor(host_key: Ed25519PrivateKey, settings: SshSettings) -> Acceptor:
    """Raises ShapeChanged."""
    require_shape()
    acceptor = Acceptor()
    await asyncssh.listen(
        tunnel=acceptor,
        server_factory=acceptor._take_server,
        server_host_keys=[_host_key(host_key)],
        server_version=SERVER_VERSION,
        login_timeout=settings.login_timeout,
        kex_algs=available(_KEY_EXCHANGES[settings.key_exchange], _names(get_kex_algs())),
        encryption_algs=available(CIPHERS, _names(get_encryption_algs())),
        mac_algs=available(MACS, _names(get_mac_algs())),
        signature_algs=list(SIGNATURES),
        compression_algs=None,
        config=None,
        authorized_client_keys=None,
        x509_trusted_certs=None,
        known_client_hosts=None,
        host_based_auth=False,
        public_key_auth=True,
        kbdint_auth=False,
        password_auth=False,
        gss_host=None,
        gss_kex=False,
        gss_auth=False,
        allow_pty=False,
        line_editor=False,
        x11_forwarding=False,
        agent_forwarding=False,
        allow_scp=False,
        encoding=None,
    )
    return acceptor


def require_shape() -> None:
    """Raises ShapeChanged where asyncssh is another than this was written against."""
    if asyncssh.__version__ != VERSION:
        raise ShapeChanged(f"asyncssh {asyncssh.__version__} is installed, not {VERSION}")
    for name, wanted in _TAKES.items():
        owner, _, method = name.partition(".")
        found = getattr(getattr(asyncssh, owner), method, None)
        takes = () if found is None else tuple(inspect.signature(found).parameters)[1:]
        if takes != wanted:
            raise ShapeChanged(f"asyncssh's {name} takes {takes}, not {wanted}")


def _require_shut(made: object) -> None:
    """Raises ShapeChanged where a connection would do what no setting of ours turns on, or has not what is used."""
    for name in (*dropbear.NEEDS, *certificates.NEEDS, *rekeying.NEEDS, *small_packets.NEEDS):
        if not hasattr(made, name):
            raise ShapeChanged(f"asyncssh's connections have no {name}")
    for name in _MUST_BE_OFF:
        if getattr(made, name, True):
            raise ShapeChanged(f"asyncssh's {name} is not off")


def _host_key(key: Ed25519PrivateKey) -> asyncssh.SSHKey:
    return asyncssh.import_private_key(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))


def _names(algorithms: list[bytes]) -> list[str]:
    return [name.decode() for name in algorithms]
