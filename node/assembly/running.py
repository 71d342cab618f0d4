"""Signals and background work for as long as a block lasts."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from typing import Any

from node.core.tasks import TaskSet


@contextlib.contextmanager
def on_signals(handlers: Mapping[signal.Signals, Callable[[], object]]) -> Iterator[None]:
    """Run these on the loop when their signal comes, for as long as the block lasts."""
    loop = asyncio.get_running_loop()
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)


@contextlib.asynccontextmanager
async def running(work: Coroutine[Any, Any, Any], name: str) -> AsyncIterator[None]:
    """Work that never ends, for as long as the block lasts. If it fails, that is told, and the rest goes on."""
    tasks = TaskSet()
    tasks.spawn(work, name)
    try:
        yield
    finally:
        await tasks.cancel()
