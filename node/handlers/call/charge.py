"""What one frame has taken of the budgets of its connection."""

from node.core.connection import BiStream
from node.handlers.call.budget import ByteBudget
from node.handlers.call.room import SMALL, Room


class Charge:
    """What one frame has taken: its bytes as they come, and room for all of them where it has to wait for that."""

    __slots__ = ("_budget", "_room", "_roomy", "_taken")

    def __init__(self, budget: ByteBudget, room: Room | None = None) -> None:
        self._budget = budget
        self._room = room
        self._roomy = 0
        self._taken = 0

    async def enter(self, size: int, stream: BiStream) -> None:
        """Wait for room for a frame of `size` bytes, whose stream this is. Raises OverBudget, TimeoutError."""
        if self._room is not None and size > SMALL:
            await self._room.enter(size, stream)
            self._roomy = size

    def add(self, count: int) -> None:
        self._budget.take(count)
        self._taken += count

    def keep(self, count: int) -> None:
        """Most of it is free. What is kept may be for long, and others shall not wait for it."""
        self._leave_room()
        freed = max(0, self._taken - count)
        self._taken -= freed
        self._budget.give_back(freed)

    def release(self) -> None:
        """Give everything back. Harmless when repeated."""
        taken, self._taken = self._taken, 0
        self._budget.give_back(taken)
        if self._roomy:
            self._leave_room()

    def _leave_room(self) -> None:
        size, self._roomy = self._roomy, 0
        if size and self._room is not None:
            self._room.leave(size)
