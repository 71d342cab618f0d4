"""Carrying a program's output to its client by hand, and waiting for what must not be left half done."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

PIECE = 32 * 1024
"""Bytes of one read: a packet of SSH."""

Write = Callable[[bytes], Awaitable[None]]


async def pump(pipe: asyncio.StreamReader | None, write: Write) -> None:
    """All of it, until its end."""
    while pipe is not None and (data := await pipe.read(PIECE)):
        await write(data)


async def both(first: Awaitable[None], second: Awaitable[None]) -> None:
    """Both to their ends; what either raises ends the other."""
    tasks = [asyncio.ensure_future(first), asyncio.ensure_future(second)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def settled(task: "asyncio.Future[Any]") -> bool:
    """Wait for the end of a task, however often the caller is cancelled meanwhile; whether it was."""
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    return cancelled
