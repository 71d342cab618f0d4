"""The time of the locks, kept by the node itself: a lock that has come to its end holds no longer, and nobody writes.

A timer of the loop does not follow a wall clock that is set, and an end is a time of the wall clock. So while any lock
has an end, the clock is looked at once a second besides, which costs next to nothing.
"""

import asyncio
import time

from node.core.lock_provider import LockProvider
from node.core.locks import ALWAYS

LOOK_EVERY = 1.0
"""Seconds in which a clock that was set is noticed, at the latest."""
_SOONEST = 0.001


class LockClock:
    """Has what is held follow the clock, from `start` to `stop`. Made on the loop."""

    def __init__(self, provider: LockProvider) -> None:
        self._provider = provider
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._provider.rearm_with(self._arm)
        self._tick()

    def stop(self) -> None:
        """Harmless when repeated."""
        self._provider.rearm_with(lambda: None)
        self._disarm()

    def _tick(self) -> None:
        self._timer = None
        try:
            self._provider.keep_time()
        finally:
            self._arm()

    def _arm(self) -> None:
        """For the next end or the next look, whichever is sooner; for nothing where no lock has an end."""
        self._disarm()
        span = self._provider.span
        if span != ALWAYS:
            pause = min(LOOK_EVERY, max(_SOONEST, span.end - time.time()))
            self._timer = asyncio.get_running_loop().call_later(pause, self._tick)

    def _disarm(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
