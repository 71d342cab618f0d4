"""How long a client waits before it dials again."""

import random
from dataclasses import dataclass

SETTLED_AFTER = 10.0
"""Seconds that a connection must have lasted for its end to be no longer held against the node."""


@dataclass(slots=True)
class Backoff:
    """Doubles with each failure, from `first` to `longest` seconds, of which up to a half is left off by chance.

    The chance keeps all clients of a node that was restarted from coming back in the same moment.
    """

    first: float = 0.2
    longest: float = 10.0
    _whole: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.first <= self.longest:
            raise ValueError("the first delay is longer than nothing, and no longer than the longest")

    def delay(self, lasted: float = 0.0) -> float:
        """Seconds to wait now, after a connection that lasted so long, or none that could be made."""
        fresh = self._whole == 0.0 or lasted >= SETTLED_AFTER
        self._whole = self.first if fresh else min(self._whole * 2, self.longest)
        return self._whole * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
