"""How much a connection can make us hold: bytes of frames that are half read, or not yet answered.

Nothing ever waits for room. Frames share the connection's flow-control window, so one that waited would keep the bytes
from arriving that the others need to end; a frame that finds no room is refused at once, and only its stream with it.
"""

from dataclasses import dataclass

from node.core.live import Live, live
from node.handlers.call.limits import MAX_FRAME, CallLimits


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
    """Hands each connection its allowance. Strangers share a pot of their own, and cannot empty that of the peers.

    Where the limits have changed, the pots get their new sizes with the next connection.
    """

    def __init__(self, limits: CallLimits | Live[CallLimits]) -> None:
        self._limits = live(limits)
        self._peers = ByteBudget(self._limits.value.max_buffered_total)
        self._strangers = ByteBudget(self._limits.value.max_buffered_strangers)

    def of_peer(self) -> Allowance:
        limits = self._limits.value
        self._peers.size = limits.max_buffered_total
        return Allowance(MAX_FRAME, ByteBudget(limits.max_buffered, self._peers))

    def of_stranger(self) -> Allowance:
        limits = self._limits.value
        self._strangers.size = limits.max_buffered_strangers
        return Allowance(limits.max_frame_strangers, ByteBudget(limits.max_buffered, self._strangers))
