"""A time limit that costs nothing where there is nothing to wait for.

Most reads find their bytes already there, and most writes have room. A timer for each of them, made and cancelled
unused, is a good part of what a small call costs.
"""

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


@types.coroutine
def within(seconds: float | None, work: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    """Await `work` as inside `asyncio.timeout(seconds)`, its timer made once the work waits. Raises TimeoutError.

    None is no limit.
    """
    try:
        awaited = work.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    return (yield from _in_time(seconds, work, awaited).__await__())


async def _in_time(seconds: float | None, work: Coroutine[Any, Any, T], awaited: Any) -> T:
    async with asyncio.timeout(seconds):
        return await _resumed(work, awaited)


@types.coroutine
def _resumed(work: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    """Go on with work that has begun and awaits something: what `await` does, but from the middle."""
    while True:
        try:
            sent = yield awaited
        except BaseException as error:  # noqa: BLE001 - a cancellation too is for the work to see
            step: Callable[[Any], Any] = work.throw
            argument: Any = error
        else:
            step, argument = work.send, sent
        try:
            awaited = step(argument)
        except StopIteration as done:
            value: T = done.value
            return value
        finally:
            del argument  # an error's traceback holds this frame
