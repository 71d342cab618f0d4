"""Counts of bytes that are held, each with its bound."""


class OverBudget(Exception):
    """There is no room for these bytes now."""


class ByteBudget:
    """Counts bytes up to `size`, and the same bytes in the budget that it is a part of."""

    def __init__(self, size: int, whole: "ByteBudget | None" = None) -> None:
        self.size = size
        self._whole = whole
        self.used = 0

    def take(self, count: int) -> None:
        """Raises OverBudget, and has taken nothing then."""
        if self.used + count > self.size:
            raise OverBudget
        if self._whole is not None:
            self._whole.take(count)
        self.used += count

    def give_back(self, count: int) -> None:
        self.used -= count
        if self._whole is not None:
            self._whole.give_back(count)

    def close(self) -> None:
        """Give everything back: whatever had taken from it is gone."""
        self.give_back(self.used)
