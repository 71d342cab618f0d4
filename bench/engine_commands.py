"""What the two ends have in common: a core of their own, and commands that come line by line."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator


def pin_to_core(place: int) -> None:
    """Stay on one core, another for each place, where the system has two of them and can be told."""
    if sys.platform == "linux":
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            os.sched_setaffinity(0, {cores[place % len(cores)]})


async def commands() -> AsyncIterator[tuple[str, int]]:
    """Each line of stdin: a word, and a number or zero. The end of stdin ends them."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        word, _, number = line.decode().strip().partition(" ")
        yield word, int(number or 0)
