"""What an endpoint counts of those whom it turned away, and how fast it did so. Nothing is kept for each peer."""

from collections import Counter
from enum import StrEnum

from node.core.histogram import Histogram
from node.core.metrics import counters, gauges
from node.endpoint.enforcement import Enforcement
from node.endpoint.locking import LockEnforcement

REVOCATION_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

MEANINGS = {
    **gauges(connections="Connections that are being served."),
    **counters(disconnected="Connections that an administrator has ended."),
}


class Denial(StrEnum):
    """Why a connection was turned away, or ended against its peer's will."""

    NO_HANDLER = "no_handler"
    """Nothing serves the protocol that was negotiated."""
    STOPPING = "stopping"
    """The node is ending."""
    LOCKED = "locked"
    """A lock holds it back."""
    REVOKED = "revoked"
    """Its peer lost its rights while it was open."""


class EndpointNumbers:
    """Counts since the endpoint was made."""

    def __init__(self) -> None:
        self.denied: Counter[Denial] = Counter()
        self.revocation = Histogram(REVOCATION_BUCKETS)
        """Seconds from the commit of a change to the last connection closed by it, of changes that closed some."""

    def enforced(self, done: Enforcement) -> None:
        self._count(Denial.REVOKED, done)

    def locked(self, done: LockEnforcement) -> None:
        self._count(Denial.LOCKED, done)

    def denials(self) -> dict[str, int]:
        return {reason.value: self.denied[reason] for reason in Denial}

    def _count(self, reason: Denial, done: Enforcement | LockEnforcement) -> None:
        self.denied[reason] += done.closed
        if done.closed and done.milliseconds is not None:
            self.revocation.observe(done.milliseconds / 1000)
