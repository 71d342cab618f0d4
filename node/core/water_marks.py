"""When a protocol is to pause its writing, and when to go on: asyncio's rule and its defaults."""

HIGH = 64 * 1024
"""Bytes that wait to be written before the protocol is asked to pause, where nobody says otherwise."""


class WaterMarks:
    """Above `high` bytes a protocol pauses, and at `low` or fewer it goes on; between the two it stays as it was."""

    __slots__ = ("above", "high", "low")

    def __init__(self, high: int | None = None, low: int | None = None) -> None:
        """Without `high`, four times `low`, else 64 KiB; without `low`, a quarter of `high`. Raises ValueError."""
        self.above = False
        """Whether the protocol is paused."""
        self.high, self.low = HIGH, HIGH // 4
        self.set(high, low)

    def set(self, high: int | None, low: int | None) -> None:
        """Change both, as for a new object. What that means for the protocol is known at the next `crossed`."""
        if high is None:
            high = HIGH if low is None else 4 * low
        if low is None:
            low = high // 4
        if not 0 <= low <= high:
            raise ValueError(f"the marks need 0 <= low <= high, not {low} and {high}")
        self.high, self.low = high, low

    def crossed(self, size: int) -> bool:
        """Whether `size` bytes change what the protocol is to do; `above` says it then."""
        above = size > (self.low if self.above else self.high)
        changed, self.above = above != self.above, above
        return changed
