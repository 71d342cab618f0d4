"""Accepting connections: `node.core.listener.Listener` over one UDP socket."""

import asyncio
import logging
from collections.abc import Sequence

from node.core.connection import CLOSE_NORMAL, Connection
from node.core.histogram import Histogram
from node.core.identity import Address
from node.core.listener import Accept
from node.core.live import Live, live
from node.core.rate import Allowance
from node.quic import metrics, traffic
from node.quic.client.ports import SharedSocket
from node.quic.connection.link import Link
from node.quic.engine import budget
from node.quic.engine.ending import EndCause, Ending
from node.quic.engine.reset import ResetTokens
from node.quic.limits import QuicLimits
from node.quic.metrics import QuicMetrics, Refusal
from node.quic.selftest import check_engine
from node.quic.server import admission
from node.quic.server.admission import Admission, Place
from node.quic.server.failures import failure_of
from node.quic.server.gate import Entry, Filter, Gate
from node.quic.server.porter import Porter
from node.quic.server.serving import ServerSettings
from node.quic.tls.credentials import ServerCredentials
from node.quic.tls.keys import NodeKey
from node.quic.udp.socket import SocketAddress, UdpSocket, resolve

logger = logging.getLogger(__name__)

HANDSHAKE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MEANINGS = {**metrics.MEANINGS, **admission.MEANINGS, **budget.MEANINGS, **traffic.MEANINGS}
"""Of every number of a listener's snapshot."""

MOVES_PER_SECOND = 100
"""Changes of peers' addresses told at most, over all connections. All are counted."""


class QuicListener(SharedSocket):
    """Serves every ALPN it was bound with on one port; a client that offers none of them fails its handshake.

    Outgoing connections may leave from the same port (see `node.quic.client.dial.Dialler`). They count towards none of
    the limits on incoming ones, go on after `stop_accepting`, and end with `close`.
    """

    def __init__(
        self, udp: UdpSocket, settings: ServerSettings, tokens: ResetTokens, examine: Filter | None = None
    ) -> None:
        super().__init__(udp, tokens, settings.budget)
        self.metrics = QuicMetrics()
        self.handshakes = Histogram(HANDSHAKE_BUCKETS)
        """Seconds from the first packet of a connection to its complete handshake."""
        self._settings = settings
        self._admission = Admission(settings.limits)
        gate = Gate(self._admission, self.metrics, examine)
        self._porter = Porter(gate, tokens, self.metrics, settings.limits)
        self._move_allowance = Allowance(MOVES_PER_SECOND)
        self._hosts: dict[Link, Place] = {}
        self._accept: Accept | None = None

    @classmethod
    async def bind(
        cls,
        host: str,
        port: int,
        *,
        key: NodeKey,
        alpns: Sequence[bytes],
        limits: QuicLimits | Live[QuicLimits] | None = None,
        examine: Filter | None = None,
        credentials: ServerCredentials | None = None,
    ) -> "QuicListener":
        """Take the socket; nothing is answered before `start`. Port 0 lets the system choose.

        Without `credentials` the node shows its key, and certificates that it makes for itself on the spot.

        `examine` is asked about each new connection before any of its handshake is looked at.

        Raises OSError where the address is unknown, taken or not ours, EngineMismatch on another aioquic.
        """
        check_engine()
        settings = ServerSettings(key, alpns, live(limits or QuicLimits()), credentials)
        targets = await resolve(host, port)
        udp = UdpSocket.bound(targets[0])
        return cls(udp, settings, ResetTokens(key, udp.address), examine)

    # The contract of a listener

    def start(self, accept: Accept) -> None:
        self._accept = accept
        self._porter.is_open = True
        for shortfall in self._udp.shortfalls:
            logger.info("a socket buffer is smaller than was asked", extra={"what": str(shortfall)})
        self._start()

    def stop_accepting(self) -> None:
        """Refuse whoever comes now, and whoever has not finished its handshake; the others live on until `close`."""
        self._porter.is_open = False
        for link in list(self._hosts):
            if not link.is_established:
                self.metrics.refused[Refusal.CLOSING] += 1
                link.abandon("shutdown")

    async def close(self) -> None:
        self._porter.is_open = False
        for link in list(self._hosts):
            link.close(CLOSE_NORMAL, "shutdown")
            link.drop()
        self._hang_up()
        self._udp.close()

    def snapshot(self) -> dict[str, int]:
        """Every count and every number of the moment, by name."""
        parts = (self.metrics, self._admission, self._budget, self._udp.traffic)
        return {name: count for part in parts for name, count in part.snapshot().items()}

    # What a connection reports

    def established(self, link: Link, alpn: bytes) -> None:
        handshake = link.engine.handshake
        if not self._admission.established(self._hosts[link]):
            self.metrics.refused[Refusal.ADDRESS] += 1
            link.abandon("too many connections")
            return
        if not self._porter.is_open or self._accept is None or handshake is None:
            link.abandon("shutdown")
            return
        self.handshakes.observe(asyncio.get_running_loop().time() - self._hosts[link].begun)
        key = handshake.peer_key
        self._accept(
            Connection(link.source, alpn),
            alpn,
            None if key is None else key.fingerprint,
            link.peer_address,
            alternative=None if key is None else key.alternative,
        )

    def moved(self, link: Link, old: Address, new: Address) -> None:
        """Its place stays counted where it began."""
        self.metrics.moved += 1
        if self._move_allowance.take(asyncio.get_running_loop().time()):
            link.source.on_moved(old, new)

    def ended(self, link: Link, ending: Ending) -> None:
        self._admission.ended(self._hosts[link])
        self.metrics.floods += link.engine.flooded
        if not link.is_established:
            self.metrics.unfinished += 1
            self.metrics.failed[failure_of(ending)] += 1
        if not link.is_established and ending.cause is not EndCause.FAILED:
            facts = {"host": self._hosts[link].origin, "code": ending.code, "reason": ending.reason}
            logger.warning("handshake failed", extra=facts)

    def gone(self, link: Link) -> None:
        self._admission.gone(self._hosts.pop(link))

    # Parts

    def _may_knock(self, address: SocketAddress) -> bool:
        return self._porter.may_knock(address, asyncio.get_running_loop().time())

    def _settle(self, link: Link) -> None:
        self.metrics.moves_dropped += link.engine.take_strayed()
        if link.engine.begun or link not in self._hosts:
            link.settle()
        else:
            # Not even its first packet could be read: noise, which shall cost no memory.
            self.metrics.undecryptable += 1
            self._admission.noise.charge(asyncio.get_running_loop().time())
            link.drop()

    def _on_error(self, error: OSError) -> None:
        # An unconnected socket hears of no peer's refusal, so there is no connection to blame.
        return

    def _stranger(self, data: bytes, address: SocketAddress) -> Link | None:
        now = asyncio.get_running_loop().time()
        answer = self._porter.answer(data, address, now)
        if isinstance(answer, Entry):
            return self._begin(answer, now)
        if answer is not None:
            self._udp.send(answer, address)
        return None

    def _begin(self, entry: Entry, now: float) -> Link:
        limits = self._settings.limits.value
        engine = self._settings.make_engine(entry, self._tokens)
        link = Link(engine, self, limits, now + limits.handshake_timeout)
        place = self._hosts[link] = self._admission.enter(entry.origin, validated=entry.validated)
        place.begun = now
        link.add_connection_id(entry.initial.destination)
        link.add_connection_id(engine.host_cid)
        return link
