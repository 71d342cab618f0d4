import asyncio
import logging

import pytest

from node.core.tasks import TaskSet


async def test_a_failure_is_logged_and_ends_that_task_only(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("broken")

    tasks, going_on = TaskSet(), asyncio.Event()
    other = tasks.spawn(going_on.wait(), "other")
    with caplog.at_level(logging.ERROR):
        tasks.spawn(fail(), "failing")
        while len(tasks) > 1:
            await asyncio.sleep(0)
    assert [(record.message, record.__dict__["task"]) for record in caplog.records] == [("task failed", "failing")]
    going_on.set()
    assert await other is True


async def test_cancel_waits_for_the_clean_up() -> None:
    cleaned: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            cleaned.append("yes")

    tasks = TaskSet()
    tasks.spawn(work(), "work")
    await asyncio.sleep(0)
    await tasks.cancel()
    assert (cleaned, len(tasks)) == (["yes"], 0)


async def test_drain_tells_whether_all_have_ended() -> None:
    tasks, event = TaskSet(), asyncio.Event()
    assert await tasks.drain(0) is True
    tasks.spawn(event.wait(), "waits")
    assert await tasks.drain(0.01) is False
    event.set()
    assert await tasks.drain(5) is True
