"""What becomes of an Initial that belongs to no connection: let in, sent back to prove its address, refused, ignored.

Decided from the header alone, before any state is made and before a key is looked at.
"""

import logging
import os
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from aioquic.quic.packet import QuicErrorCode

from node.core.address import origin_of
from node.core.identity import Address
from node.core.rate import Allowance
from node.quic.connection.packets import Initial, refuse, retry
from node.quic.engine.engine import CONNECTION_ID_LENGTH
from node.quic.metrics import QuicMetrics, Refusal
from node.quic.server.admission import Admission
from node.quic.server.tokens import RetryTokens
from node.quic.udp.socket import SocketAddress, readable

logger = logging.getLogger(__name__)

REFUSALS_PER_SECOND = 200
"""Refusals that are told to the client; each costs us a key schedule. The rest are dropped in silence."""


class Verdict(Enum):
    """What a filter can say of a client before its handshake."""

    ACCEPT = "accept"
    """Let it in, as far as the limits allow."""
    RETRY = "retry"
    """Have it prove its address first; the same as accept where it has."""
    REFUSE = "refuse"
    """Tell it that it is refused."""
    IGNORE = "ignore"
    """Do not answer at all."""


class Filter(Protocol):
    """Asked about every Initial of a new connection, so it must be quick. One that raises has refused."""

    def __call__(self, address: Address, *, validated: bool) -> Verdict:
        """`validated` tells whether the client has proven that this is its address; else it may be forged."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A client that is let in. With a Retry before, its hello names the connection id that we chose there."""

    initial: Initial
    origin: str
    original_destination: bytes
    retry_source: bytes | None = None

    @property
    def validated(self) -> bool:
        return self.retry_source is not None


class Gate:
    """Keeps no state per client: the proof of an address is in the token that the client sends back."""

    def __init__(self, admission: Admission, metrics: QuicMetrics, examine: Filter | None) -> None:
        self._admission = admission
        self._metrics = metrics
        self._examine = examine
        self._tokens = RetryTokens()
        self._refusals = Allowance(REFUSALS_PER_SECOND)

    def judge(self, initial: Initial, address: SocketAddress, now: float) -> Entry | bytes | None:
        """Who is let in, or else the datagram that answers, or None for silence. `now` is the loop's clock."""
        entry = self._read_token(initial, address, now)
        if entry is None:
            return self.refuse(initial, Refusal.TOKEN, now)
        verdict = self._ask(address, validated=entry.validated)
        if verdict is Verdict.IGNORE:
            self._metrics.ignored += 1
            return None
        reason = Refusal.FILTER if verdict is Verdict.REFUSE else self._object(entry)
        if reason is not None:
            return self.refuse(initial, reason, now)
        if not entry.validated and (verdict is Verdict.RETRY or self._admission.wants_proof(now)):
            return self._retry(initial, address, now)
        if self._admission.keeps_pace(entry.origin, now, validated=entry.validated):
            return entry
        return self.refuse(initial, Refusal.RATE, now) if entry.validated else self._retry(initial, address, now)

    def refuse(self, initial: Initial, reason: Refusal, now: float) -> bytes | None:
        """Count the refusal; the answer to it, unless too many were told already."""
        self._metrics.refused[reason] += 1
        if not self._refusals.take(now):
            self._metrics.unanswered += 1
            return None
        is_token = reason is Refusal.TOKEN
        return refuse(initial, QuicErrorCode.INVALID_TOKEN if is_token else QuicErrorCode.CONNECTION_REFUSED)

    # Parts

    def _read_token(self, initial: Initial, address: SocketAddress, now: float) -> Entry | None:
        """None where the token proves nothing: the client would take no second Retry (RFC 9000 §8.1.3)."""
        origin = origin_of(address[0])
        if not initial.token:
            return Entry(initial, origin, initial.destination)
        original = self._tokens.read(initial.token, address, initial.destination, now)
        if original is None:
            return None
        return Entry(initial, origin, original, retry_source=initial.destination)

    def _object(self, entry: Entry) -> Refusal | None:
        return self._admission.objection(entry.origin, validated=entry.validated)

    def _ask(self, address: SocketAddress, *, validated: bool) -> Verdict:
        if self._examine is None:
            return Verdict.ACCEPT
        try:
            return self._examine(readable(address), validated=validated)
        except Exception:
            logger.exception("the filter of new connections failed; the client is refused")
            return Verdict.REFUSE

    def _retry(self, initial: Initial, address: SocketAddress, now: float) -> bytes:
        self._metrics.retried += 1
        chosen = os.urandom(CONNECTION_ID_LENGTH)
        return retry(initial, chosen, self._tokens.make(address, initial.destination, chosen, now))
