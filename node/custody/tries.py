"""A growing wait between wrong passphrases."""

from collections.abc import Callable

FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0


class Tries:
    """Counts wrong passphrases: a wait of 1 s after the first, doubled by each further one, up to a minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._wrong = 0
        self._not_before = 0.0

    def wait(self) -> float:
        """Seconds until the next try; 0 where it may be now."""
        return max(0.0, self._not_before - self._clock()) if self._wrong else 0.0

    def wrong(self) -> float:
        """Note a wrong try, and give the wait that follows it."""
        wait = float(min(FIRST_WAIT * 2 ** min(self._wrong, 16), LONGEST_WAIT))
        self._wrong += 1
        self._not_before = self._clock() + wait
        return wait

    def right(self) -> None:
        """Start over."""
        self._wrong = 0
