"""What the two ends have in common: a core of their own, sockets enough, and commands that come line by line."""

import asyncio
import os
import resource
import sys
from collections.abc import AsyncIterator


def prepare(place: int) -> None:
    """Stay on one core, another for each place, where the system can be told; and allow as many sockets as it lets."""
    if sys.platform == "linux":
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            os.sched_setaffinity(0, {cores[place % len(cores)]})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def commands() -> AsyncIterator[tuple[str, list[int]]]:
    """Each line of stdin: a word, and numbers. The end of stdin ends them."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        word, *numbers = line.decode().split()
        yield word, [int(number) for number in numbers]
