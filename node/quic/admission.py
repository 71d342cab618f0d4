"""How many connections there may be: in all, before their handshake is complete, and from one address."""

from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network

from node.core.live import Live
from node.quic.limits import QuicLimits
from node.quic.metrics import Refusal
from node.quic.rate import Allowance

NOISE_PER_SECOND = 100
"""Initials that cannot be decrypted, above which a new client must prove its address first."""


@dataclass(slots=True, eq=False)
class Place:
    """What one connection counts for. It stays counted where it began, wherever it moves."""

    origin: str
    half_open: bool = True
    charged: bool = False
    """Whether it counts against the share of its origin."""


@dataclass(slots=True)
class Admission:
    """Counts connections.

    Only a proven address is charged for its connections. Anyone can forge the address of another, and would else shut
    it out; what forged addresses can hold together is bounded by `retry_above`.
    """

    limits: Live[QuicLimits]
    total: int = 0
    half_open: int = 0
    by_origin: Counter[str] = field(default_factory=Counter)
    noise: Allowance = field(default_factory=lambda: Allowance(NOISE_PER_SECOND))

    def objection(self, origin: str) -> Refusal | None:
        """Why there is no place for one more connection from here; None if there is one."""
        if self.total >= self.limits.value.max_connections:
            return Refusal.TOTAL
        if self.half_open >= self.limits.value.max_half_open:
            return Refusal.HALF_OPEN
        return Refusal.ADDRESS if self._share_is_used(origin) else None

    def wants_proof(self, now: float) -> bool:
        """Whether a new client must prove that it receives what is sent to its address (RFC 9000 §8.1.2)."""
        return self.half_open >= self.limits.value.retry_above or not self.noise.has(now)

    def enter(self, origin: str, *, validated: bool) -> Place:
        place = Place(origin)
        self.total += 1
        self.half_open += 1
        if validated:
            self._charge(place)
        return place

    def established(self, place: Place) -> bool:
        """The handshake is complete, which proves the address. False if its share was used up in the meantime."""
        place.half_open = False
        self.half_open -= 1
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
        self.by_origin[place.origin] -= 1
        if not self.by_origin[place.origin]:
            del self.by_origin[place.origin]

    def gone(self, place: Place) -> None:
        """Nothing is left of the connection. A failed handshake counts as half-open up to here: it holds memory."""
        self.total -= 1
        self.half_open -= place.half_open

    def _charge(self, place: Place) -> None:
        place.charged = True
        self.by_origin[place.origin] += 1

    def _share_is_used(self, origin: str) -> bool:
        return self.by_origin[origin] >= self.limits.value.max_connections_per_address


def origin_of(host: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that an IPv6 address is in, for one host owns that."""
    if ":" not in host:
        return host
    address = IPv6Address(host)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address.packed[:8] + bytes(8), 64)))
