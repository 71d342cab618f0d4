"""One outgoing connection, over whatever socket carries it."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from aioquic import tls
from aioquic.quic.packet import QuicErrorCode

from node.core.address import format_host_port
from node.core.connection import CLOSE_NORMAL
from node.core.errors import ConnectError, DialError, HandshakeError
from node.core.identity import Address
from node.quic.connection.link import Datagram, Link
from node.quic.engine.budget import Part
from node.quic.engine.ending import Ending
from node.quic.engine.engine import Engine, configuration
from node.quic.engine.reset import ResetTokens
from node.quic.limits import QuicLimits
from node.quic.tls.handshake import ClientTls
from node.quic.tls.keys import NodeKey
from node.quic.udp.socket import SocketAddress, readable

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

    def make_engine(self, reset_tokens: ResetTokens | None = None, growth: Part | None = None) -> Engine:
        """Without `growth`, the connection has a budget to itself."""
        engine = configuration(self.limits, [self.alpn.decode("ascii")], is_client=True)
        engine.server_name = self.server_name

        def make_handshake(given: tls.Context) -> ClientTls:
            return ClientTls(given, self.key, self.pin)

        return Engine(engine, self.limits, make_handshake, reset_tokens=reset_tokens, growth=growth)


class Carrier(Protocol):
    """What an outgoing connection needs of the endpoint whose socket it uses."""

    @property
    def keeps_whole(self) -> bool: ...

    def send(self, datagrams: list[Datagram]) -> None: ...

    def route(self, connection_id: bytes, link: Link) -> None: ...

    def unroute(self, connection_id: bytes, link: Link) -> None: ...

    def watch(self, token: bytes, link: Link) -> None: ...

    def unwatch(self, token: bytes, link: Link) -> None: ...

    def drain(self, link: Link, until: float) -> None: ...

    def hung_up(self, call: "OutgoingCall", ending: Ending) -> None:
        """The connection has ended. Until it is dropped, or its closing period is over, it answers latecomers."""
        ...

    def release(self, call: "OutgoingCall") -> None:
        """Nothing is left of the connection."""
        ...


class OutgoingCall:
    """One attempt to reach one address, and the connection that comes of it."""

    def __init__(
        self,
        carrier: Carrier,
        peer: SocketAddress,
        settings: DialSettings,
        reset_tokens: ResetTokens | None = None,
        growth: Part | None = None,
    ) -> None:
        self._carrier = carrier
        self._peer = peer
        self.outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once the handshake is complete, or has failed with a DialError."""
        self.link = Link(settings.make_engine(reset_tokens, growth), self, settings.limits, handshake_deadline=None)

    def start(self) -> None:
        """Send the first flight."""
        self.link.add_connection_id(self.link.engine.host_cid)
        self.link.engine.connect(self._peer, asyncio.get_running_loop().time())
        self.link.flush()

    def give_up(self) -> None:
        """End the attempt, telling the peer as far as it can be told. Harmless when it is over."""
        self.outcome.cancel()
        self.link.close(CLOSE_NORMAL, "")
        if not self.link.is_established:
            self.link.drop()

    def hang_up(self, code: int, reason: str) -> None:
        """End the connection and forget it at once."""
        self.link.close(code, reason)
        self.link.drop()

    def timed_out(self) -> DialError:
        """What an attempt that took too long has come to."""
        if self.link.heard:
            return HandshakeError(f"{spell(self._peer)} answered, but the handshake did not finish in time")
        return ConnectError(f"no answer from {spell(self._peer)}")

    def unreachable(self, error: OSError) -> None:
        """The network refuses to carry our packets. Once connected, that is taken for loss."""
        self._fail(ConnectError(f"cannot reach {spell(self._peer)}: {error.strerror}"))

    # What the connection asks of the socket

    @property
    def keeps_whole(self) -> bool:
        return self._carrier.keeps_whole

    def send(self, datagrams: list[Datagram]) -> None:
        self._carrier.send(datagrams)

    def route(self, connection_id: bytes, link: Link) -> None:
        self._carrier.route(connection_id, link)

    def unroute(self, connection_id: bytes, link: Link) -> None:
        self._carrier.unroute(connection_id, link)

    def watch(self, token: bytes, link: Link) -> None:
        self._carrier.watch(token, link)

    def unwatch(self, token: bytes, link: Link) -> None:
        self._carrier.unwatch(token, link)

    def drain(self, link: Link, until: float) -> None:
        self._carrier.drain(link, until)

    # What the connection reports

    def established(self, link: Link, alpn: bytes) -> None:
        if not self.outcome.done():
            self.outcome.set_result(None)

    def moved(self, link: Link, old: Address, new: Address) -> None:
        link.source.on_moved(old, new)

    def ended(self, link: Link, ending: Ending) -> None:
        self._fail(self._failure(ending))
        self._carrier.hung_up(self, ending)

    def gone(self, link: Link) -> None:
        self._carrier.release(self)

    # Parts

    def _fail(self, failure: DialError) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(failure)

    def _failure(self, ending: Ending) -> DialError:
        handshake = self.link.engine.handshake
        if isinstance(handshake, ClientTls) and handshake.refusal is not None:
            return handshake.refusal
        return HandshakeError(f"the handshake with {spell(self._peer)} failed: {_explain(ending)}", ending.code)


def _explain(ending: Ending) -> str:
    if ending.code == QuicErrorCode.CONNECTION_REFUSED and not ending.reason:
        return f"the node refuses further connections (connection refused, code {ending.code:#x})"
    what = ending.reason or "no reason given"
    if ending.code not in _CRYPTO_ERRORS:
        return f"{what} (code {ending.code:#x})"
    try:
        alert = tls.AlertDescription(ending.code - _CRYPTO_ERRORS.start).name
    except ValueError:
        alert = "unknown alert"
    return f"{what} ({alert}, code {ending.code:#x})"


def spell(address: SocketAddress) -> str:
    return format_host_port(readable(address))
