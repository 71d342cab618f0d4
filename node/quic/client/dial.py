"""Making outgoing connections (spec core §11): one shot, no retry, trust by pin or by CA and never by neither."""

import asyncio

from node.core.connection import Connection
from node.core.errors import ConnectError, TlsConfigError
from node.core.fingerprint import is_fingerprint
from node.quic.client.outgoing import DialSettings
from node.quic.client.ports import FreshSockets, Port, RelayedSockets
from node.quic.client.race import Race, in_turn
from node.quic.limits import QuicLimits
from node.quic.selftest import check_engine
from node.quic.tls.keys import NodeKey
from node.quic.udp.relayed import Envelope
from node.quic.udp.socket import Target, resolve


class Dialler:
    """Dials from sockets made for each connection, or from the one of a listener."""

    def __init__(self, origin: Port | None = None, limits: QuicLimits | None = None) -> None:
        self._origin = origin or FreshSockets()
        self._limits = limits or QuicLimits()

    async def dial(
        self,
        host: str,
        port: int,
        *,
        alpn: bytes,
        key: NodeKey | None,
        pin: str | None,
        server_name: str = "alknet",
        timeout: float = 10.0,
    ) -> Connection:
        """Connect with exactly one ALPN, showing `key` if there is one; `timeout` in seconds covers all of it.

        All addresses of `host` are tried, each a little after the one before, and the first handshake to finish wins
        (see `node.quic.client.race`).

        With a `pin`, the node's key must have exactly that fingerprint, and is refused before ours is shown: a
        certificate satisfies only the pin of its own hash, not that of the key within. Without one, its certificate
        must be signed by a CA for `server_name`. A node that refuses our key says so only after the handshake: the
        connection then ends with code 0x133.

        Raises TlsConfigError, ConnectError, HandshakeError, PinMismatch, EngineMismatch.
        """
        check_engine()
        settings = _settings(alpn, key, pin, server_name, self._limits)
        deadline = asyncio.get_running_loop().time() + timeout
        return await _reach(await _resolve(host, port, deadline), self._origin, settings, deadline)


async def dial_quic(
    host: str,
    port: int,
    *,
    alpn: bytes,
    key: NodeKey | None,
    pin: str | None,
    server_name: str = "alknet",
    timeout: float = 10.0,
    limits: QuicLimits | None = None,
) -> Connection:
    """One connection with a socket of its own; otherwise as `Dialler.dial`, which says what is raised."""
    dialler = Dialler(limits=limits)
    return await dialler.dial(host, port, alpn=alpn, key=key, pin=pin, server_name=server_name, timeout=timeout)


async def dial_relayed(
    relay: Target,
    envelope: Envelope,
    *,
    alpn: bytes,
    key: NodeKey | None,
    pin: str | None,
    server_name: str = "alknet",
    timeout: float = 10.0,
    limits: QuicLimits | None = None,
) -> Connection:
    """One connection through a relay of datagrams, to the peer that `envelope` names; otherwise as `Dialler.dial`."""
    check_engine()
    settings = _settings(alpn, key, pin, server_name, limits or QuicLimits())
    deadline = asyncio.get_running_loop().time() + timeout
    return await _reach([relay], RelayedSockets(envelope), settings, deadline)


def _settings(alpn: bytes, key: NodeKey | None, pin: str | None, server_name: str, limits: QuicLimits) -> DialSettings:
    if not 1 <= len(alpn) <= 255 or not alpn.isascii():
        raise TlsConfigError("an ALPN has 1 to 255 ASCII characters")
    if pin is not None and not is_fingerprint(pin):
        raise TlsConfigError("a pin is ed25519: or SHA256: and 64 lower-case hex digits")
    try:
        name = server_name.encode("idna").decode("ascii")
    except UnicodeError:
        raise TlsConfigError("the server name is no host name") from None
    return DialSettings(alpn, key, pin, name, limits)


async def _reach(targets: list[Target], origin: Port, settings: DialSettings, deadline: float) -> Connection:
    """By whichever of the targets answers first."""
    call = await Race(targets, lambda target: origin.begin(target, settings), deadline).run()
    return Connection(call.link.source, settings.alpn)


async def _resolve(host: str, port: int, deadline: float) -> list[Target]:
    try:
        async with asyncio.timeout_at(deadline):
            return in_turn(await resolve(host, port))
    except TimeoutError:
        raise ConnectError(f"cannot find {host} in time") from None
    except (OSError, UnicodeError, OverflowError) as error:
        raise ConnectError(f"cannot find {host}: {error}") from error
