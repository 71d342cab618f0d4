"""Where the peer is: which address it has proven, and how often it may claim another (RFC 9000 §9).

aioquic follows a client to wherever its packets come from, keeps at most eight addresses, sends to one that is not
proven at most three times what came from there, and goes back when no proof comes. It neither tells of a move, nor
bounds how often a client may claim a new address, each of which is a challenge sent to somebody who may not be the
client. Nor does it start over with what it has learnt of a path once the path is another.
"""

import math
from typing import Any

from aioquic._buffer import Buffer
from aioquic.quic.congestion.base import create_congestion_control
from aioquic.quic.connection import QuicReceiveContext

from node.core.rate import Allowance
from node.quic.engine.guard import GuardedConnection
from node.quic.udp.socket import SocketAddress

CLAIMS = 8
"""Changes to an unproven address that a client may make at once; datagrams of further ones are dropped."""

CLAIMS_PER_SECOND = 0.2
"""Changes that it may make in the long run."""

CHALLENGES = 16
"""Challenges answered at once to addresses that are not proven; each answer may be three times what it answers."""

CHALLENGES_PER_SECOND = 1
"""Those answered in the long run. An honest client sends one, and some more where they are lost."""


class RovingConnection(GuardedConnection):
    """A connection whose peer may change its address."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._claims = Allowance(CLAIMS_PER_SECOND, CLAIMS)
        self._challenges = Allowance(CHALLENGES_PER_SECOND, CHALLENGES)
        self._proven: SocketAddress | None = None
        self._strayed = 0

    @property
    def proven_address(self) -> SocketAddress | None:
        """Where the peer is, as far as it has shown that it receives there; None before it has.

        Another address that packets come from is a mere claim: anyone who sees a packet can send it from elsewhere.
        """
        paths = self._network_paths
        if paths and paths[0].is_validated and paths[0].addr is not self._proven:
            self._settle_at(paths[0].addr)
        return self._proven

    def take_strayed(self) -> int:
        """Datagrams dropped since the last call, as their sender had changed its address too often."""
        count, self._strayed = self._strayed, 0
        return count

    def receive_datagram(self, data: bytes, addr: SocketAddress, now: float) -> None:
        """Take a datagram. One that has us send to an unproven address is paid for, so it helps nobody to come and go.

        Where that cannot be paid, only what is from the first address, the one in use or a proven one is looked at.
        """
        paths = self._network_paths
        if self._is_client or not paths or paths[0].addr == addr or self._is_proven(addr):
            super().receive_datagram(data, addr, now)
        elif self._claims.has(now):
            before = list(paths)
            super().receive_datagram(data, addr, now)
            # Only now is it known whether the peer sent this: anybody can send noise from anywhere.
            if self._network_paths != before and not self._is_proven(addr):
                self._claims.charge(now)
        else:
            self._strayed += 1

    def _is_proven(self, addr: SocketAddress) -> bool:
        # Before the engine follows the peer to elsewhere, what it has proven is noted.
        if addr == self.proven_address:
            return True
        return any(path.addr == addr and path.is_validated for path in self._network_paths)

    def _handle_path_challenge_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        super()._handle_path_challenge_frame(context, frame_type, buf)
        path = context.network_path
        if not (self._is_client or path.is_validated or self._challenges.take(context.time)):
            path.remote_challenges.pop()

    def _settle_at(self, addr: SocketAddress) -> None:
        before, self._proven = self._proven, addr
        # A NAT that has only changed the port has changed no path (RFC 9000 §9.4).
        if before is not None and before[0] != addr[0]:
            self._start_over()

    def _start_over(self) -> None:
        """Forget what was measured on the old path: its round-trip time, and how much it carries (RFC 9000 §9.4)."""
        loss = self._loss
        fresh = create_congestion_control(
            self._configuration.congestion_control_algorithm, max_datagram_size=self._max_datagram_size
        )
        fresh.bytes_in_flight = loss.bytes_in_flight
        loss._cc = fresh
        loss._rtt_initialized = False
        loss._rtt_min = math.inf
        loss._rtt_latest = loss._rtt_smoothed = loss._rtt_variance = 0.0
