"""Calls that block, off the loop: on a bounded number of threads, and of one lane in the order in which they came."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

MOST_AT_ONCE = 16
"""Calls of one lane that one thread makes in a row, before another lane's get their turn."""


class Lane:
    """For the loop's thread. Each lane has one thread at a time.

    A call whose caller was cancelled is left out if nothing of it was begun; `last` is made whatever happens.
    """

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._busy = False
        self._over = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way, so that what is done now comes after all that was asked before."""
        return not self._busy and not self._over

    def call(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        """What `work` returns or raises, once all that came before it is done. Raises ValueError after the last one."""
        if self._over:
            raise ValueError("closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.append((work, future))
        self._start()
        return future

    def last(self, work: Callable[[], None]) -> "asyncio.Future[None]":
        """The last call. To wait for it is optional, and to cancel that changes nothing."""
        future = self.call(work)
        self._over = True
        future.add_done_callback(_look_at)
        return future

    def _start(self) -> None:
        if self._busy or not self._waiting:
            return
        self._busy = True
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_AT_ONCE))]
        ends = self._over and not self._waiting
        self._threads.submit(self._make, batch, ends)

    def _make(self, batch: list[tuple[Callable[[], Any], "asyncio.Future[Any]"]], ends: bool) -> None:  # noqa: FBT001
        done: list[tuple[asyncio.Future[Any], Any, Exception | None]] = []
        for number, (work, future) in enumerate(batch):
            if future.cancelled() and not (ends and number == len(batch) - 1):
                continue
            try:
                done.append((future, work(), None))
            except Exception as error:  # noqa: BLE001 - it is told to whoever asked
                done.append((future, None, error))
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits
            self._loop.call_soon_threadsafe(self._tell, done)

    def _tell(self, done: list[tuple["asyncio.Future[Any]", Any, Exception | None]]) -> None:
        self._busy = False
        for future, result, error in done:
            if future.done():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)
        self._start()


def _look_at(future: "asyncio.Future[Any]") -> None:
    """Nobody may have waited for it; its failure is no news then."""
    if not future.cancelled():
        future.exception()
