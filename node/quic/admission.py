"""How many connections there may be, in all and from one address."""

from collections import Counter
from dataclasses import dataclass, field

from node.quic.limits import QuicLimits


@dataclass(slots=True)
class Admission:
    """Counts connections by the address they came from; one that moves stays counted where it began."""

    limits: QuicLimits
    total: int = 0
    by_host: Counter[str] = field(default_factory=Counter)

    def admits(self, host: str) -> bool:
        limits = self.limits
        return self.total < limits.max_connections and self.by_host[host] < limits.max_connections_per_address

    def enter(self, host: str) -> None:
        self.total += 1
        self.by_host[host] += 1

    def ended(self, host: str) -> None:
        """The connection has ended. What is left of it, for a moment, no longer counts against its address."""
        self.by_host[host] -= 1
        if not self.by_host[host]:
            del self.by_host[host]

    def gone(self) -> None:
        """Nothing is left of the connection."""
        self.total -= 1
