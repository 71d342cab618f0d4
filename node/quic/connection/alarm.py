"""The timer of one connection."""

import asyncio
from collections.abc import Callable

CLOCK_STEP = 0.001
"""Seconds: the loop sleeps no shorter than this, so a timer that fires within it need not be set to fire sooner."""


class Alarm:
    """Rings no later than the next thing is due. It is cheap to set, and so may ring for nothing now and then."""

    __slots__ = ("_handle", "_ring")

    def __init__(self, ring: Callable[[float], None]) -> None:
        """`ring` is called with the loop's time, and is to set the alarm again."""
        self._ring = ring
        self._handle: asyncio.TimerHandle | None = None

    @property
    def is_set(self) -> bool:
        return self._handle is not None

    def is_near(self, now: float) -> bool:
        """Whether it rings so soon that it need not be set sooner, whatever is due."""
        return self._handle is not None and self._handle.when() <= now + CLOCK_STEP

    def set(self, due: float | None, now: float) -> None:
        """An alarm that is too early is left if it is far off, as it may yet become right; one that is near is put off.

        None leaves it as it is.
        """
        if due is None:
            return
        if self._handle is not None:
            planned = self._handle.when()
            if planned <= due and not planned <= now + CLOCK_STEP < due:
                return
            self._handle.cancel()
        self._handle = asyncio.get_running_loop().call_at(due, self._rung, due)

    def cancel(self) -> None:
        """Harmless when repeated."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _rung(self, planned: float) -> None:
        self._handle = None
        # The loop may call a little early; nothing would then be found due.
        self._ring(max(planned, asyncio.get_running_loop().time()))
