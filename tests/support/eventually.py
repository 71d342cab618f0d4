"""Waiting for what another process caused: the condition ends the wait, the time-out only a failure."""

import asyncio
from collections.abc import Callable

SECONDS = 20.0


async def eventually(condition: Callable[[], object], what: str = "the condition") -> None:
    """Return as soon as `condition()` is true; AssertionError if that takes longer than any machine needs."""
    try:
        async with asyncio.timeout(SECONDS):
            while not condition():
                await asyncio.sleep(0.002)
    except TimeoutError:
        raise AssertionError(f"{what} did not come true within {SECONDS} s") from None
