"""Which events are taken, and how many were not: a flood by strangers grows neither the queue nor the file.

Whoever reads the journal keeps a list of open connections by it. So an end is taken whenever its beginning was, though
the queue is full, and is left out whenever its beginning was. That somebody has signed in begins a connection as well:
where the first beginning was a stranger's, and left out as that, it is another's now.
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
MOST_PEERS = 5_000
"""Peers whose shares are remembered at least, where so many tell something in a few seconds; the latest ones."""


class Shares:
    """An allowance for each peer that tells something. One that was silent for long has a whole one again, so the older
    half of what is remembered can go: memory is bounded, whoever comes."""

    def __init__(self) -> None:
        self._fresh: dict[str, Allowance] = {}
        self._older: dict[str, Allowance] = {}

    def take(self, peer_id: str, rate: float, now: float) -> bool:
        """Use one event of the share of `rate` a second, if one is left."""
        share = self._fresh.get(peer_id)
        if share is None:
            if len(self._fresh) >= MOST_PEERS:
                self._fresh, self._older = {}, self._fresh
            known: Allowance | None = self._older.pop(peer_id, None)
            share = self._fresh[peer_id] = known or Allowance(rate)
        share.per_second, share.at_once = rate, rate * BURST_SECONDS
        return share.take(now)


class Intake:
    """Judges each event as it comes. What it remembers is bounded by the connections that are open."""

    def __init__(self, limits: Live[JournalLimits]) -> None:
        self._limits = limits
        self._untold: set[int] = set()
        """Open connections whose beginning was left out."""
        self._strangers = Shares()
        self._peers = Shares()
        self.dropped: Counter[str] = Counter()
        """Events that were left out, by why: "strangers", "peers", or "queue" where the file cannot be written."""

    def takes(self, event: Event, waiting: int) -> bool:
        """Whether the event is to be written, where so many wait already."""
        if event.kind is EventKind.CLOSED and event.connection is not None:
            if event.connection in self._untold:
                self._untold.discard(event.connection)
                return False
            return True
        why = self._objection(event, waiting)
        if why is None:
            if event.kind is EventKind.SIGNED_IN and event.connection is not None:
                self._untold.discard(event.connection)
            return True
        self.dropped[why] += 1
        if event.kind is EventKind.CONNECTED and event.connection is not None:
            self._untold.add(event.connection)
        return False

    def _objection(self, event: Event, waiting: int) -> str | None:
        if event.kind in _OWN and event.connection is None:
            return None
        limits, now = self._limits.value, time.monotonic()
        if waiting >= limits.max_queue:
            return "queue"
        if event.kind is EventKind.ENFORCED:
            return None
        if event.kind is EventKind.REFUSED or event.peer_id is None:
            # One that is refused has no rights now, and may come back all day.
            return None if self._strangers.take("", limits.strangers_per_second, now) else "strangers"
        return None if self._peers.take(event.peer_id, limits.peer_per_second, now) else "peers"
