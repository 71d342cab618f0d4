"""The serving end of the engine bench, a process of its own so that its CPU time and memory are the engine's.

Run as `python -m bench.engine_server SIDE [TREE]`. Prints its port and pin, then one number for each command.
"""

import asyncio
import gc
import os
import sys
import time
from pathlib import Path

from bench.engine_commands import commands, prepare
from bench.engine_side import Server, Side, choose_build, server_of


async def main(side: Side) -> None:
    server = server_of(side)
    pin = await server.start()
    print(server.port, pin, flush=True)
    async for word, numbers in commands():
        match word:
            case "cpu":
                print(time.process_time_ns(), flush=True)
            case "memory":
                print(_resident(), flush=True)
            case "open":
                print(len(server.open), flush=True)
            case "close":
                print(_close(server, *numbers), flush=True)
            case "waited":
                print(_waited(), flush=True)


def _close(server: Server, count: int) -> int:
    """Close so many connections; tell how many that were."""
    closing = list(server.open.values())[:count]
    for close in closing:
        close()
    return len(closing)


def _waited() -> int:
    """Nanoseconds for which this process could have run, but another one had the core."""
    return int(Path("/proc/self/schedstat").read_text().split()[1])


def _resident() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    prepare(0)
    chosen = Side(sys.argv[1])
    choose_build(chosen, *map(Path, sys.argv[2:]))
    asyncio.run(main(chosen))
