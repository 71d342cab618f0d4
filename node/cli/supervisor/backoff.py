"""How long to wait before a child that ended is started again."""

from dataclasses import dataclass

FIRST_DELAY = 0.2
LONGEST_DELAY = 30.0
SETTLED_AFTER = 20.0
"""Seconds of uptime after which an end is no longer held against the child."""


@dataclass(slots=True)
class Backoff:
    """Doubles the delay with each quick end; a child that had settled starts over at the first delay."""

    _next: float = FIRST_DELAY

    def delay(self, uptime: float) -> float:
        """Seconds to wait now that the child ended after `uptime` seconds."""
        if uptime >= SETTLED_AFTER:
            self._next = FIRST_DELAY
        now = self._next
        self._next = min(now * 2, LONGEST_DELAY)
        return now
