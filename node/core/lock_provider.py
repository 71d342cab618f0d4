"""The locks in memory: what the hot path asks, and how others learn that something is held or is free again."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from node.core.locks import NOTHING_HELD, Held, Lock, LockIndex
from node.core.metrics import gauges
from node.core.span import ALWAYS, Span

MEANINGS = gauges(stored="Locks in the database, ended ones included.", held="Of those, locks that hold.")


@dataclass(frozen=True, slots=True)
class LockSwap:
    """One change of what is held, told to subscribers after it took effect.

    `committed_at` is the writer's clock in unix seconds at the last row that the swap contains; None where it was read
    with everything else, and where a lock came to its end.
    """

    old: Held
    new: Held
    generation: int
    committed_at: float | None
    swapped_at: float


class LockProvider:
    """Holds every lock, and what of them holds now. A store that reads no locks never publishes any."""

    def __init__(self) -> None:
        self.locks = LockIndex()
        self.held: Held = NOTHING_HELD
        self._lock_span: Span = ALWAYS
        self._lock_subscribers: list[Callable[[LockSwap], None]] = []
        self._rearm: Callable[[], None] = lambda: None

    @property
    def span(self) -> Span:
        """For how long everything stays as it is, if nobody writes."""
        return self._lock_span

    def lock_on_credential(self, provider: str) -> Lock | None:
        """The lock that keeps a credential from the handlers at this moment."""
        return self.held.on_credential(provider)

    def lock_counts(self) -> dict[str, int]:
        """Numbers for the metrics: locks in the store, ended ones included, and those that hold."""
        return {"stored": len(self.locks.locks), "held": len(self.held)}

    def subscribe_locks(self, callback: Callable[[LockSwap], None]) -> None:
        """Call `callback` on the loop after every later change of what is held. It must neither block nor raise."""
        self._lock_subscribers.append(callback)

    def rearm_with(self, callback: Callable[[], None]) -> None:
        """Call `callback` whenever something may come to its end at another time."""
        self._rearm = callback

    def publish_locks(self, locks: LockIndex, committed_at: float | None = None) -> None:
        """Make `locks` current, and what they hold now."""
        self.locks = locks
        self._hold(time.time(), committed_at)
        self._rearm()

    def keep_time(self) -> None:
        """Bring what is held to what the clock says now, which may have been set; tell whoever subscribed."""
        if not self._lock_span.has(now := time.time()):
            self._hold(now, None)

    def _hold(self, now: float, committed_at: float | None) -> None:
        self._lock_span = self.locks.span(now)
        old, new = self.held, self.locks.held(now)
        if new == old:
            return
        self.held = new
        swap = LockSwap(old, new, self.locks.generation, committed_at, now)
        for callback in self._lock_subscribers:
            callback(swap)
