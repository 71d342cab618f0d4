import asyncio
import logging

import pytest

from node.core.tasks import TaskSet, every, first, settled


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


async def _waits(forever: asyncio.Event, cleaned: list[str]) -> None:
    try:
        await forever.wait()
    finally:
        await asyncio.sleep(0)
        cleaned.append("yes")


async def _fail() -> None:
    raise ValueError("broken")


async def test_the_first_to_end_ends_the_others_and_they_have_cleaned_up() -> None:
    cleaned: list[str] = []
    await first(asyncio.sleep(0), _waits(asyncio.Event(), cleaned))
    assert cleaned == ["yes"]
    with pytest.raises(ValueError, match="broken"):
        await first(_fail(), _waits(asyncio.Event(), cleaned))
    assert cleaned == ["yes", "yes"]


async def test_every_one_is_waited_for_unless_one_fails() -> None:
    cleaned: list[str] = []
    going_on = asyncio.Event()
    all_of_them = asyncio.create_task(every(asyncio.sleep(0), _waits(going_on, cleaned)))
    await asyncio.sleep(0.01)
    assert not all_of_them.done()
    going_on.set()
    await all_of_them
    with pytest.raises(ValueError, match="broken"):
        await every(_waits(asyncio.Event(), cleaned), asyncio.sleep(0), _fail())
    assert cleaned == ["yes", "yes"]


async def test_what_is_to_settle_is_waited_for_though_the_waiter_is_cancelled() -> None:
    going_on, cleaned = asyncio.Event(), list[str]()
    work = asyncio.create_task(_waits(going_on, cleaned))
    waiting = asyncio.create_task(settled(work))
    for _ in range(3):
        await asyncio.sleep(0)
        waiting.cancel()
    going_on.set()
    assert await waiting is True
    assert cleaned == ["yes"]
    assert await settled(work) is False
