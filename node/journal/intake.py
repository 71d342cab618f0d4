"""Which events are taken, and how many were not: a flood by strangers grows neither the queue nor the file.

Whoever reads the journal keeps a list of open connections by it. So an end is taken whenever its beginning was, though
the queue is full, and is left out whenever its beginning was.
"""

import time
from collections import Counter

from node.core.journal import Event, EventKind
from node.core.live import Live
from node.core.rate import Allowance
from node.journal.limits import JournalLimits

_OWN = frozenset({EventKind.STARTED, EventKind.STOPPED, EventKind.LIMITED})
"""What the node says of itself, or of many at once."""
BURST_SECONDS = 10.0


class Intake:
    """Judges each event as it comes. What it remembers is bounded by the connections that are open."""

    def __init__(self, limits: Live[JournalLimits]) -> None:
        self._limits = limits
        self._untold: set[int] = set()
        """Open connections whose beginning was left out."""
        self._share = Allowance(limits.value.strangers_per_second)
        self.dropped: Counter[str] = Counter()
        """Events that were left out, by why: "strangers", or "queue" where the file was not written for long."""

    def takes(self, event: Event, waiting: int) -> bool:
        """Whether the event is to be written, where so many wait already."""
        if event.kind is EventKind.CLOSED and event.connection is not None:
            if event.connection in self._untold:
                self._untold.discard(event.connection)
                return False
            return True
        why = self._objection(event, waiting)
        if why is None:
            return True
        self.dropped[why] += 1
        if event.kind is EventKind.CONNECTED and event.connection is not None:
            self._untold.add(event.connection)
        return False

    def _objection(self, event: Event, waiting: int) -> str | None:
        if event.kind in _OWN and event.connection is None:
            return None
        if waiting >= self._limits.value.max_queue:
            return "queue"
        return None if _is_of_ours(event) or self._allows() else "strangers"

    def _allows(self) -> bool:
        """Use one of the strangers' share."""
        rate = self._limits.value.strangers_per_second
        self._share.per_second, self._share.at_once = rate, rate * BURST_SECONDS
        return self._share.take(time.monotonic())


def _is_of_ours(event: Event) -> bool:
    """Whether it tells of a change, or of a peer. One that is refused has no rights now, and may come back all day."""
    if event.kind is EventKind.REFUSED:
        return False
    return event.peer_id is not None or event.kind is EventKind.ENFORCED
