"""How many connections there may be: in all, before their handshake is complete, and from one address."""

from collections import Counter
from dataclasses import dataclass, field

from node.core.live import Live
from node.core.metrics import gauges
from node.core.rate import Allowance
from node.quic.limits import QuicLimits
from node.quic.metrics import Refusal
from node.quic.server.crowd import Crowd

MEANINGS = gauges(
    connections="Connections now, those included whose handshake is under way.",
    half_open="Handshakes under way.",
)
NOISE_PER_SECOND = 100
"""Initials that cannot be decrypted, above which a new client must prove its address first."""


@dataclass(slots=True, eq=False)
class Place:
    """What one connection counts for. It stays counted where it began, wherever it moves."""

    origin: str
    validated: bool
    """Whether its address was proven before its handshake."""
    half_open: bool = True
    charged: bool = False
    """Whether it counts against the share of its origin."""
    begun: float = 0.0
    """The loop's time when its first packet came."""


@dataclass(slots=True)
class Admission:
    """Counts connections.

    Only a proven address is charged for its connections and handshakes. Anyone can forge the address of another, and
    would else shut it out; what forged addresses can hold together is bounded by `retry_above`.
    """

    limits: Live[QuicLimits]
    total: int = 0
    half_open: int = 0
    by_origin: Counter[str] = field(default_factory=Counter)
    half_open_by_origin: Counter[str] = field(default_factory=Counter)
    proven_pace: Crowd = field(default_factory=Crowd)
    unproven_pace: Crowd = field(default_factory=Crowd)
    noise: Allowance = field(default_factory=lambda: Allowance(NOISE_PER_SECOND))

    def objection(self, origin: str, *, validated: bool) -> Refusal | None:
        """Why there is no place for one more connection from here; None if there is one."""
        limits = self.limits.value
        if self.total >= limits.max_connections:
            return Refusal.TOTAL
        if self.half_open >= limits.max_half_open:
            return Refusal.HALF_OPEN
        if self._share_is_used(origin):
            return Refusal.ADDRESS
        if validated and self.half_open_by_origin[origin] >= limits.max_half_open_per_address:
            return Refusal.HALF_OPEN_ADDRESS
        return None

    def wants_proof(self, now: float) -> bool:
        """Whether a new client must prove that it receives what is sent to its address (RFC 9000 §8.1.2)."""
        return self.half_open >= self.limits.value.retry_above or not self.noise.has(now)

    def keeps_pace(self, origin: str, now: float, *, validated: bool) -> bool:
        """Count a handshake that is about to begin. False if this address begins them too fast.

        What comes under a forged address is counted apart, so that it takes nothing from its owner.
        """
        paces = self.proven_pace if validated else self.unproven_pace
        return paces.take(origin, self.limits.value.handshakes_per_second, now)

    def enter(self, origin: str, *, validated: bool) -> Place:
        place = Place(origin, validated)
        self.total += 1
        self.half_open += 1
        if validated:
            self.half_open_by_origin[origin] += 1
            self._charge(place)
        return place

    def established(self, place: Place) -> bool:
        """The handshake is complete, which proves the address. False if its share was used up in the meantime."""
        self._no_longer_half_open(place)
        if place.charged:
            return True
        if self._share_is_used(place.origin):
            return False
        self._charge(place)
        return True

    def ended(self, place: Place) -> None:
        """The connection has ended. What is left of it, for a moment, no longer counts against its address."""
        if not place.charged:
            return
        place.charged = False
        _take_one(self.by_origin, place.origin)

    def gone(self, place: Place) -> None:
        """Nothing is left of the connection. A failed handshake counts as half-open up to here: it holds memory."""
        self.total -= 1
        if place.half_open:
            self._no_longer_half_open(place)

    def snapshot(self) -> dict[str, int]:
        """How many there are now, by name."""
        return {"connections": self.total, "half_open": self.half_open}

    def _no_longer_half_open(self, place: Place) -> None:
        place.half_open = False
        self.half_open -= 1
        if place.validated:
            _take_one(self.half_open_by_origin, place.origin)

    def _charge(self, place: Place) -> None:
        place.charged = True
        self.by_origin[place.origin] += 1

    def _share_is_used(self, origin: str) -> bool:
        return self.by_origin[origin] >= self.limits.value.max_connections_per_address


def _take_one(counts: Counter[str], origin: str) -> None:
    counts[origin] -= 1
    if not counts[origin]:
        del counts[origin]
