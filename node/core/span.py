"""A stretch of time in which nothing comes to its end by itself: what keeps the time has to look again after it."""

import math
from typing import Final, NamedTuple


class Span(NamedTuple):
    """From one end on, up to the next one, both in unix seconds; infinite where there is none."""

    begin: float = -math.inf
    end: float = math.inf

    def has(self, now: float) -> bool:
        return self.begin <= now < self.end

    def within(self, other: "Span") -> "Span":
        """The stretch that is in both."""
        return Span(max(self.begin, other.begin), min(self.end, other.end))


ALWAYS: Final = Span()
"""Where nothing has an end."""
