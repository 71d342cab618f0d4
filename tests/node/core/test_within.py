"""A time limit whose timer is made only once something is waited for behaves as `asyncio.timeout` does."""

import asyncio
import contextlib
from typing import Any

import pytest

from node.core.within import within


class Work:
    """Waits for each of its futures in turn, and gives what they gave; notes how it ended."""

    def __init__(self, futures: int) -> None:
        self.futures = [asyncio.get_running_loop().create_future() for _ in range(futures)]
        self.ended_by: BaseException | None = None
        self.swallows = False

    async def run(self) -> list[Any]:
        found: list[Any] = []
        try:
            for future in self.futures:
                found.append(await future)
        except BaseException as error:
            self.ended_by = error
            if self.swallows:
                return found
            raise
        return found


async def ticks(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_work_that_waits_for_nothing_makes_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a timer was made")

    monkeypatch.setattr(asyncio, "timeout", refuse)
    assert await within(0, Work(0).run()) == []
    with pytest.raises(AssertionError, match="a timer"):
        await within(0, Work(1).run())


async def test_work_that_waits_is_carried_on_to_its_value() -> None:
    work = Work(3)

    async def inner() -> list[Any]:
        return await within(30, work.run())

    async def outer() -> list[Any]:
        return await within(30, inner())

    task = asyncio.create_task(outer())
    for number, future in enumerate(work.futures):
        await ticks()
        assert not task.done()
        future.set_result(number)
    assert await task == [0, 1, 2]


@pytest.mark.parametrize("waits", [0, 1])
async def test_an_error_of_the_work_is_the_error(waits: int) -> None:
    async def fail() -> None:
        for _ in range(waits):
            await asyncio.sleep(0)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await within(30, fail())


async def test_an_error_of_what_is_awaited_is_for_the_work_to_see() -> None:
    work = Work(1)
    work.swallows = True
    work.futures[0].set_exception(KeyError("lost"))
    assert await within(30, work.run()) == []
    assert isinstance(work.ended_by, KeyError)


@pytest.mark.parametrize("before", [0, 1])
async def test_time_runs_out_at_whatever_is_awaited_then(before: int) -> None:
    work = Work(before + 1)
    for future in work.futures[:before]:
        asyncio.get_running_loop().call_soon(future.set_result, None)
    with pytest.raises(TimeoutError):
        await within(0.01, work.run())
    assert isinstance(work.ended_by, asyncio.CancelledError)
    assert work.futures[before].cancelled()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_cancellation_stays_one() -> None:
    work = Work(1)

    async def wait() -> None:
        await within(30, work.run())

    task = asyncio.create_task(wait())
    await ticks()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert isinstance(work.ended_by, asyncio.CancelledError)


async def test_work_that_is_dropped_is_closed() -> None:
    work = Work(1)

    async def wait() -> None:
        await within(30, work.run())

    running = wait()
    running.send(None)
    running.close()
    assert isinstance(work.ended_by, GeneratorExit)
