"""Large requests wait for room, one behind the other, before any of their bytes is read (ADR 0033).

Room is taken for the whole of a frame at once, so one that was let in never waits for another: it needs nothing but
its own bytes. What waits stays in its stream. Since it is set aside there, it keeps no byte of other streams from
coming.
"""

import asyncio
from collections import deque

from node.core.connection import BiStream
from node.handlers.call.budget import ByteBudget, OverBudget
from node.handlers.call.counts import CallCounts

SMALL = 1024
"""A frame of so many bytes or fewer never waits, and takes no room: `max_in_flight` bounds how many there are."""


class _Waiter:
    """One frame that waits, and what has come of its stream meanwhile."""

    def __init__(self, size: int, aside: ByteBudget) -> None:
        self.size = size
        self.entered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._aside = aside
        self._held = 0

    def hold(self, count: int) -> bool:
        """Count what lies in the stream. Where that is too much, the frame is refused."""
        try:
            self._aside.take(count)
        except OverBudget as error:
            if not self.entered.done():
                self.entered.set_exception(error)
            return False
        self._held += count
        return True

    def end(self) -> None:
        held, self._held = self._held, 0
        self._aside.give_back(held)


class Room:
    """The room of one connection: `size` bytes, or one frame that is larger than that."""

    def __init__(self, size: int, aside: ByteBudget, patience: float, counts: CallCounts) -> None:
        """Frames wait for `patience` seconds. `aside` counts what lies in their streams meanwhile."""
        self.size = size
        self._aside = aside
        self._patience = patience
        self._counts = counts
        self._queue: deque[_Waiter] = deque()
        self.used = 0

    def __len__(self) -> int:
        return len(self._queue)

    async def enter(self, size: int, stream: BiStream) -> None:
        """Take `size` bytes, after all who wait already. Raises OverBudget, TimeoutError."""
        if not self._queue and self._fits(size):
            self.used += size
            return
        self._counts.waited += 1
        waiter = _Waiter(size, self._aside)
        self._queue.append(waiter)
        try:
            stream.set_aside(waiter.hold)
            async with asyncio.timeout(self._patience):
                await waiter.entered
        except BaseException as error:
            self._give_up(waiter)
            self._counts.wait_timeouts += isinstance(error, TimeoutError)
            raise
        finally:
            stream.set_aside(None)
            waiter.end()

    def leave(self, size: int) -> None:
        self.used -= size
        self._admit()

    def _give_up(self, waiter: _Waiter) -> None:
        if waiter in self._queue:
            self._queue.remove(waiter)
            self._admit()
        else:
            self.leave(waiter.size)

    def _admit(self) -> None:
        while self._queue and self._fits(self._queue[0].size):
            waiter = self._queue.popleft()
            self.used += waiter.size
            if not waiter.entered.done():
                waiter.entered.set_result(None)

    def _fits(self, size: int) -> bool:
        return self.used == 0 or self.used + size <= self.size
