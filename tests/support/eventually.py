"""Waiting for what another process caused: the condition ends the wait, the time-out only a failure."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

SECONDS = 60.0


async def within(awaitable: Awaitable[T]) -> T:
    """Its result; AssertionError if that takes longer than any machine needs."""
    try:
        return await asyncio.wait_for(awaitable, SECONDS)
    except TimeoutError:
        raise AssertionError(f"nothing came within {SECONDS} s") from None


async def eventually(condition: Callable[[], object], what: str = "the condition") -> None:
    """Return as soon as `condition()` is true; AssertionError if that takes longer than any machine needs."""
    try:
        async with asyncio.timeout(SECONDS):
            while not condition():
                await asyncio.sleep(0.002)
    except TimeoutError:
        raise AssertionError(f"{what} did not come true within {SECONDS} s") from None
