"""How long a session waits for its client: one timer for all its waits of a kind, as most of them are short."""

import asyncio
from collections.abc import Callable
from types import TracebackType


class Patience:
    """`with patience:` waits at most so many seconds inside; then `gone` is called, once, which has to end the wait.

    One wait at a time. Unlike asyncio's own time-outs it sets no timer for each: the one that runs is looked at when
    it ends.
    """

    def __init__(self, seconds: float, gone: Callable[[], None]) -> None:
        self._seconds = seconds
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._until: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        self._until = self._loop.time() + self._seconds
        if self._timer is None:
            self._timer = self._loop.call_at(self._until, self._look)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._until = None

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        if self._until is None:
            return
        if self._until > self._loop.time():
            self._timer = self._loop.call_at(self._until, self._look)
        else:
            self._gone()
