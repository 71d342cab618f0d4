"""Making one outgoing connection (spec core §11): one shot, no retry, trust by pin or by CA and never by neither."""

import asyncio
from dataclasses import dataclass

from aioquic import tls

from node.core.address import format_host_port
from node.core.connection import CLOSE_NORMAL, Connection
from node.core.errors import ConnectError, DialError, HandshakeError, TlsConfigError
from node.core.fingerprint import is_fingerprint
from node.quic.ending import Ending
from node.quic.endpoint import Endpoint
from node.quic.engine import Engine, configuration
from node.quic.handshake import ClientTls
from node.quic.keys import NodeKey
from node.quic.limits import QuicLimits
from node.quic.link import Link
from node.quic.reset import is_reset
from node.quic.selftest import check_engine
from node.quic.udp import SocketAddress, Target, UdpSocket, resolve

_CRYPTO_ERRORS = range(0x100, 0x200)
"""QUIC error codes that carry a TLS alert in their low byte (RFC 9001 §4.8)."""


@dataclass(frozen=True, slots=True)
class DialSettings:
    """Everything of a dial but the address."""

    alpn: bytes
    key: NodeKey | None
    pin: str | None
    server_name: str
    limits: QuicLimits

    def make_engine(self) -> Engine:
        engine = configuration(self.limits, [self.alpn.decode("ascii")], is_client=True)
        engine.server_name = self.server_name

        def make_handshake(given: tls.Context) -> ClientTls:
            return ClientTls(given, self.key, self.pin)

        return Engine(engine, self.limits, make_handshake)


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
    """Connect with exactly one ALPN, showing `key` if there is one; `timeout` in seconds covers all of it.

    With a `pin`, the node's key must have exactly that fingerprint, and is refused before ours is shown. Without one,
    its certificate must be signed by a CA for `server_name`. A node that refuses our key says so only after the
    handshake: the connection then ends with code 0x133.

    Raises TlsConfigError, ConnectError, HandshakeError, PinMismatch, EngineMismatch.
    """
    check_engine()
    settings = _settings(alpn, key, pin, server_name, limits or QuicLimits())
    targets = await _resolve(host, port)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    failure = ConnectError(f"{host} has no address")
    for position, target in enumerate(targets):
        share = (deadline - loop.time()) / (len(targets) - position)
        try:
            return await _dial_target(target, settings, share)
        except ConnectError as error:
            failure = error
    raise failure


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


async def _resolve(host: str, port: int) -> list[Target]:
    try:
        return await resolve(host, port)
    except (OSError, UnicodeError, OverflowError) as error:
        raise ConnectError(f"cannot find {host}: {error}") from error


async def _dial_target(target: Target, settings: DialSettings, share: float) -> Connection:
    try:
        udp = UdpSocket.connected(target)
    except OSError as error:
        raise ConnectError(f"cannot reach {_spell(target.address)}: {error.strerror}") from error
    call = OutgoingCall(udp, settings)
    try:
        async with asyncio.timeout(share):
            await call.run()
    except TimeoutError:
        raise call.timed_out() from None
    finally:
        if not call.connected:
            call.give_up()
    return Connection(call.link.source, settings.alpn)


class OutgoingCall(Endpoint):
    """One outgoing connection with a socket of its own, which is closed with it."""

    def __init__(self, udp: UdpSocket, settings: DialSettings) -> None:
        super().__init__(udp)
        self._settings = settings
        self._outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._peer: SocketAddress = udp.peer or udp.address
        self.link = Link(settings.make_engine(), self, settings.limits, handshake_deadline=None)
        self.connected = False

    async def run(self) -> None:
        """Return once the handshake is complete. Raises DialError."""
        self._start()
        self.link.add_connection_id(self.link.engine.host_cid)
        self.link.engine.connect(self._peer, asyncio.get_running_loop().time())
        self.link.flush()
        await self._outcome
        self.connected = True

    def give_up(self) -> None:
        self.link.close(CLOSE_NORMAL, "")
        self.link.drop()

    def timed_out(self) -> DialError:
        where = _spell(self._peer)
        if self.link.heard:
            return HandshakeError(f"{where} answered, but the handshake did not finish in time")
        return ConnectError(f"no answer from {where}")

    # What the connection reports

    def established(self, link: Link, alpn: bytes) -> None:
        if not self._outcome.done():
            self._outcome.set_result(None)

    def ended(self, link: Link, ending: Ending) -> None:
        if not self._outcome.done():
            self._outcome.set_exception(self._failure(ending))
        # With the socket closed there is nothing to drain, so the connection goes at once.
        link.drop()

    def gone(self, link: Link) -> None:
        self._udp.close()

    # Parts

    def _stranger(self, data: bytes, address: SocketAddress) -> Link | None:
        if is_reset(data, self.link.engine.peer_reset_token):
            self.link.forgotten()
        return None

    def _on_error(self, error: OSError) -> None:
        if not self._outcome.done():
            self._outcome.set_exception(ConnectError(f"cannot reach {_spell(self._peer)}: {error.strerror}"))

    def _failure(self, ending: Ending) -> DialError:
        handshake = self.link.engine.handshake
        if isinstance(handshake, ClientTls) and handshake.refusal is not None:
            return handshake.refusal
        return HandshakeError(f"the handshake with {_spell(self._peer)} failed: {_explain(ending)}", ending.code)


def _explain(ending: Ending) -> str:
    what = ending.reason or "no reason given"
    if ending.code not in _CRYPTO_ERRORS:
        return f"{what} (code {ending.code:#x})"
    try:
        alert = tls.AlertDescription(ending.code - _CRYPTO_ERRORS.start).name
    except ValueError:
        alert = "unknown alert"
    return f"{what} ({alert}, code {ending.code:#x})"


def _spell(address: SocketAddress) -> str:
    return format_host_port((address[0], address[1]))
