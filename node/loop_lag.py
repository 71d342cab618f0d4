"""How late the loop is: what a beat that was due at one moment and came at another tells of all that runs on it."""

import asyncio
from collections import deque
from typing import NoReturn

from node.core.histogram import Histogram

EVERY = 0.5
"""Seconds between two beats."""
REMEMBERED = 20
"""Beats, ten seconds' worth, of which the worst counts for readiness."""
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class LoopLag:
    """Beats for as long as `run` does."""

    def __init__(self) -> None:
        self.seconds = Histogram(BUCKETS)
        self._recent: deque[float] = deque(maxlen=REMEMBERED)

    @property
    def worst(self) -> float:
        """Seconds that the latest of the last beats was late."""
        return max(self._recent, default=0.0)

    async def run(self) -> NoReturn:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY
            await asyncio.sleep(EVERY)
            late = max(0.0, loop.time() - due)
            self._recent.append(late)
            self.seconds.observe(late)
