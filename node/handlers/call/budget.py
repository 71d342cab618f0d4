"""How much a connection can make us hold: bytes of frames that are half read, or not yet answered.

Nothing ever waits for room. Frames share the connection's flow-control window, so one that waited would keep the bytes
from arriving that the others need to end; a frame that finds no room is refused at once, and only its stream with it.
"""

from dataclasses import dataclass

from node.handlers.call.limits import MAX_FRAME, CallLimits


class OverBudget(Exception):
    """There is no room for these bytes now."""


class ByteBudget:
    """Counts bytes up to `size`, and the same bytes in the budget that it is a part of."""

    def __init__(self, size: int, whole: "ByteBudget | None" = None) -> None:
        self._size = size
        self._whole = whole
        self.used = 0

    def take(self, count: int) -> None:
        """Raises OverBudget, and has taken nothing then."""
        if self.used + count > self._size:
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


class Charge:
    """What one frame has taken, given back all at once."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self._taken = 0

    def add(self, count: int) -> None:
        self._budget.take(count)
        self._taken += count

    def release(self) -> None:
        """Harmless when repeated."""
        taken, self._taken = self._taken, 0
        self._budget.give_back(taken)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one connection may send us: the size of a frame, and the bytes in hand."""

    max_frame: int
    budget: ByteBudget


class Allowances:
    """Hands each connection its allowance. Strangers share a pot of their own, and cannot empty that of the peers."""

    def __init__(self, limits: CallLimits) -> None:
        self._limits = limits
        self._peers = ByteBudget(limits.max_buffered_total)
        self._strangers = ByteBudget(limits.max_buffered_strangers)

    def of_peer(self) -> Allowance:
        return Allowance(MAX_FRAME, ByteBudget(self._limits.max_buffered, self._peers))

    def of_stranger(self) -> Allowance:
        return Allowance(self._limits.max_frame_strangers, ByteBudget(self._limits.max_buffered, self._strangers))
