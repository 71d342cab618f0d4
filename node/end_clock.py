"""Time, kept by the node itself: what has come to its end is over, and nobody writes.

That is locks (docs/adr/0036), and the terms of peers and keys (docs/adr/0042). A timer of the loop does not follow a
wall clock that is set, and an end is a time of the wall clock. So while anything has an end, the clock is looked at
once a second besides, which costs next to nothing.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from node.core.span import ALWAYS, Span

LOOK_EVERY = 1.0
"""Seconds in which a clock that was set is noticed, at the latest."""
_SOONEST = 0.001


class Ending(Protocol):
    """What has parts that come to their end."""

    @property
    def span(self) -> Span:
        """For how long all stays as it is by itself."""
        ...

    def keep_time(self) -> None:
        """Bring everything to what the clock says now."""
        ...

    def rearm_with(self, callback: Callable[[], None]) -> None:
        """Call `callback` whenever the span may be another."""
        ...


class EndClock:
    """Has what is in force follow the clock, from `start` to `stop`. Made on the loop."""

    def __init__(self, provider: Ending) -> None:
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
        """For the next end or the next look, whichever is sooner; for nothing where nothing has an end."""
        self._disarm()
        span = self._provider.span
        if span != ALWAYS:
            pause = min(LOOK_EVERY, max(_SOONEST, span.end - time.time()))
            self._timer = asyncio.get_running_loop().call_later(pause, self._tick)

    def _disarm(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
