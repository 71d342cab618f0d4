"""How often something may be done for strangers, however many of them ask."""

from dataclasses import dataclass


@dataclass(slots=True)
class Allowance:
    """`per_second` uses a second, of which `at_once` may be used at once: one second's worth, unless said otherwise.

    Holds a few numbers, whoever asks.
    """

    per_second: float
    at_once: float | None = None
    _left: float | None = None
    _since: float = 0.0

    def take(self, now: float) -> bool:
        """Use one, if one is left at `now`, in seconds of a clock that never goes back."""
        if not self.has(now):
            return False
        self.charge(now)
        return True

    def has(self, now: float) -> bool:
        """Whether `take` would succeed."""
        return self._refill(now) >= 1

    def charge(self, now: float, count: int = 1) -> None:
        """Use some that may not be left; later ones pay for it."""
        self._left = self._refill(now) - count

    def _refill(self, now: float) -> float:
        most = self.per_second if self.at_once is None else self.at_once
        left = most if self._left is None else self._left + (now - self._since) * self.per_second
        self._left, self._since = min(left, most), now
        return self._left
