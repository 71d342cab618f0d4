"""Answers that the peer has not read yet, whose bytes we hold for it."""

import asyncio
from collections.abc import Callable

from node.handlers.call.budget import ByteBudget, OverBudget
from node.handlers.call.counts import CallCounts
from node.handlers.call.errors import CallError, ErrorCode
from node.handlers.call.room import SMALL


class Unsent:
    """Those of one connection. While calls have more than `mark` bytes here, no other request of it begins.

    Items of subscriptions do not count for that: a peer may well take its next item only once another call is done.
    """

    def __init__(self, budget: ByteBudget, mark: int, patience: float, counts: CallCounts) -> None:
        self.budget = budget
        self._mark = mark
        self._patience = patience
        self._counts = counts
        self._of_calls = 0
        self._read = asyncio.Event()

    async def ready(self) -> None:
        """Wait while too much is unread, for `patience` seconds. Raises CallError."""
        if self._of_calls < self._mark:
            return
        self._counts.held_back += 1
        try:
            async with asyncio.timeout(self._patience):
                while self._of_calls >= self._mark:
                    self._read.clear()
                    await self._read.wait()
        except TimeoutError:
            self._counts.unread_timeouts += 1
            raise _unread() from None

    def item(self, size: int) -> Callable[[], None] | None:
        """Count a frame of a subscription until what this gives is called. Raises CallError where it is too much.

        None for a small one, which is not counted: the limits of requests and subscriptions bound how many there are.
        """
        if size <= SMALL:
            return None
        self._take(size)
        return lambda: self.budget.give_back(size)

    def answer(self, size: int) -> Callable[[], None] | None:
        """The same for the one frame that answers a call."""
        if size <= SMALL:
            return None
        self._take(size)
        self._of_calls += size
        return lambda: self._answered(size)

    def _take(self, size: int) -> None:
        try:
            self.budget.take(size)
        except OverBudget:
            self._counts.refused_answers += 1
            raise _unread() from None

    def _answered(self, size: int) -> None:
        self.budget.give_back(size)
        self._of_calls -= size
        self._read.set()


def _unread() -> CallError:
    return CallError(ErrorCode.INTERNAL, "too much of what was answered is not read yet", retryable=True)
