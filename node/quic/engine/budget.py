"""What windows and writers' marks may grow by, over all connections of an endpoint."""

from node.core.live import Live
from node.core.metrics import counters, gauges
from node.quic.limits import QuicLimits

MEANINGS = {
    **gauges(grown_bytes="Bytes by which windows and writers' marks of connections have grown now."),
    **counters(growth_refused="How often a connection did not get all the growth that it asked for."),
}
SHARE = 16
"""A connection grows by this fraction of what is left at most: the first far, later ones less, and none takes all."""


class Budget:
    """Bytes that are lent to connections, and come back as they end.

    Whoever dials may show no key or a new one each time, so a share by keys would bound nobody; every connection has
    the same.
    """

    def __init__(self, limits: Live[QuicLimits]) -> None:
        self._limits = limits
        self.out = 0
        self.refused = 0

    def part(self) -> "Part":
        """The part of one connection, with nothing in it yet."""
        return Part(self)

    def spare(self, held: int) -> int:
        """What a connection may have beyond the `held` bytes that it has. A limit that was lowered takes back none."""
        left = self._limits.value.max_grown_windows - self.out
        return max(0, left // SHARE - held)

    def snapshot(self) -> dict[str, int]:
        """Bytes lent now, and how often a connection did not get what it asked for."""
        return {"grown_bytes": self.out, "growth_refused": self.refused}


class Part:
    """What one connection has of it."""

    __slots__ = ("_budget", "_ended", "held")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._ended = False
        self.held = 0

    def take(self, count: int) -> int:
        """As much of it as there is room for."""
        taken = 0 if self._ended else min(count, self._budget.spare(self.held))
        self._budget.refused += taken < count and not self._ended
        self._budget.out += taken
        self.held += taken
        return taken

    def give_back(self, count: int) -> None:
        if not self._ended:
            self._budget.out -= count
            self.held -= count

    def end(self) -> None:
        """Give back everything and take no more: what came in may still be read after the connection has ended."""
        self.give_back(self.held)
        self._ended = True
