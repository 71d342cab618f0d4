"""Background tasks that are never lost: referenced while they run, reported when they fail, cancelled together."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any

logger = logging.getLogger(__name__)


def is_cancelled() -> bool:
    """Whether somebody has cancelled the running task. A CancelledError can come from what it waited for as well."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@contextlib.asynccontextmanager
async def together(*work: Coroutine[Any, Any, Any]) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """Tasks for as long as the block lasts: what still runs at its end is cancelled, and has cleaned up by then."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def first(*work: Coroutine[Any, Any, Any]) -> None:
    """Wait until one of these has ended; cancel the others, and raise what it raised."""
    await _until(asyncio.FIRST_COMPLETED, work)


async def every(*work: Coroutine[Any, Any, Any]) -> None:
    """Wait until all of these have ended; what one of them raises ends the others."""
    await _until(asyncio.FIRST_EXCEPTION, work)


async def settled(task: "asyncio.Future[Any]") -> bool:
    """Wait for the end of a task, however often the caller is cancelled meanwhile; whether it was."""
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    return cancelled


class TaskSet:
    """The tasks of one owner. What a task raises is logged and ends that task only."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    async def idle(self) -> None:
        """Wait until there is no task left, those that are spawned meanwhile included."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def drain(self, seconds: float) -> bool:
        """Wait for the tasks of this moment to end by themselves. False if some still run after `seconds`."""
        if not self._tasks:
            return True
        _, running = await asyncio.wait(self._tasks, timeout=seconds)
        return not running

    async def cancel(self, seconds: float | None = None) -> None:
        """Cancel every task but the calling one, and wait until each has cleaned up: for ever, or so long."""
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("task failed", extra={"task": task.get_name()}, exc_info=error)


async def _until(when: str, work: Iterable[Coroutine[Any, Any, Any]]) -> None:
    async with together(*work) as tasks:
        done, _ = await asyncio.wait(tasks, return_when=when)
        for task in done:
            task.result()
