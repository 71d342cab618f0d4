"""Connections that are closed and not yet forgotten: what comes late for them is still known (RFC 9000 §10.2)."""

import asyncio
import math
from collections.abc import Callable

STEP = 0.02
"""Seconds by which one may be forgotten later than it could be, so that many share a timer."""


class Drains:
    """Closed connections of one socket, by when their drain is over."""

    __slots__ = ("_steps",)

    def __init__(self) -> None:
        self._steps: dict[int, list[Callable[[], None]]] = {}

    def add(self, until: float, forget: Callable[[], None]) -> None:
        """Call `forget` once `until` has come, in seconds of the loop's clock. It must not raise."""
        step = math.ceil(until / STEP)
        waiting = self._steps.get(step)
        if waiting is None:
            waiting = self._steps[step] = []
            asyncio.get_running_loop().call_at(step * STEP, self._over, step)
        waiting.append(forget)

    def _over(self, step: int) -> None:
        for forget in self._steps.pop(step):
            forget()
