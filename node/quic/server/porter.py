"""What becomes of a datagram that belongs to no connection. The cheapest question is asked first."""

from node.core.address import origin_of
from node.core.live import Live
from node.core.rate import Allowance
from node.quic.connection.packets import destination_of, is_long, parse_initial, unknown_version
from node.quic.engine.reset import ResetTokens
from node.quic.limits import QuicLimits
from node.quic.metrics import QuicMetrics, Refusal
from node.quic.server.crowd import Crowd
from node.quic.server.gate import Entry, Gate
from node.quic.udp.socket import SocketAddress

RESETS_PER_SECOND = 100
"""Stateless resets sent at most (RFC 9000 §10.3 asks for a limit)."""


class Porter:
    """Answers strangers, and shows those to the gate who ask for a connection, as long as it is open."""

    def __init__(self, gate: Gate, tokens: ResetTokens, metrics: QuicMetrics, limits: Live[QuicLimits]) -> None:
        self.is_open = False
        self._gate = gate
        self._tokens = tokens
        self._metrics = metrics
        self._limits = limits
        self._crowd = Crowd()
        self._resets = Allowance(RESETS_PER_SECOND)

    def may_knock(self, address: SocketAddress, now: float) -> bool:
        """Whether what this address sends is looked at, where it belongs to no established connection."""
        if self._crowd.take(origin_of(address[0]), self._limits.value.strangers_per_second, now):
            return True
        self._metrics.strangers_dropped += 1
        return False

    def answer(self, data: bytes, address: SocketAddress, now: float) -> Entry | bytes | None:
        """Who is let in, or else the datagram that answers, or None for silence. `now` is the loop's clock."""
        initial = parse_initial(data)
        if initial is None:
            return unknown_version(data) or self._reset(data, now)
        if not self.is_open:
            return self._gate.refuse(initial, Refusal.CLOSING, now)
        return self._gate.judge(initial, address, now)

    def _reset(self, data: bytes, now: float) -> bytes | None:
        """The stateless reset for a packet of a connection that we have forgotten, or never had."""
        connection_id = None if is_long(data) else destination_of(data)
        answer = None if connection_id is None else self._tokens.answer(connection_id, len(data))
        if answer is None or not self._resets.take(now):
            return None
        self._metrics.resets += 1
        return answer
