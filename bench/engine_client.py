"""The dialling end of the engine bench.

Run as `python -m bench.engine_client SIDE PORT PIN [TREE]`. Prints `ready`, then for each command how many nanoseconds
it took. Transfers and requests use the newest of the connections that are held.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.engine_commands import commands, prepare
from bench.engine_side import Client, Side, choose_build, client_of
from bench.engine_workload import Opener, download, request, upload

AT_ONCE = 8
"""Handshakes."""

TRANSFERS: dict[str, Callable[..., Awaitable[None]]] = {"upload": upload, "download": download, "request": request}


class Held:
    """Connections that stay open until they are released."""

    def __init__(self, client: Client, port: int, pin: str) -> None:
        self.connections: list[Opener] = []
        self._client = client
        self._port = port
        self._pin = pin
        self._release = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self, count: int) -> None:
        slots = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._connect(slots) for _ in range(count)))

    async def release(self) -> None:
        self._release.set()
        await asyncio.gather(*self._tasks)
        self._release.clear()
        self._tasks.clear()
        self.connections.clear()

    async def _connect(self, slots: asyncio.Semaphore) -> None:
        async with slots:
            connected = asyncio.get_running_loop().create_future()
            self._tasks.append(asyncio.create_task(self._hold(connected)))
            await asyncio.wait([connected, self._tasks[-1]], return_when=asyncio.FIRST_COMPLETED)
            self.connections.append(connected.result())

    async def _hold(self, connected: "asyncio.Future[Opener]") -> None:
        async with self._client.connect(self._port, self._pin) as connection:
            connected.set_result(connection)
            await self._release.wait()


async def main(side: Side, port: int, pin: str) -> None:
    held = Held(client_of(side), port, pin)
    print("ready", flush=True)
    async for word, numbers in commands():
        before = time.perf_counter_ns()
        if word == "connect":
            await held.connect(*numbers)
        elif word == "release":
            await held.release()
        else:
            await TRANSFERS[word](held.connections[-1], *numbers)
        print(time.perf_counter_ns() - before, flush=True)


if __name__ == "__main__":
    prepare(1)
    chosen = Side(sys.argv[1])
    choose_build(chosen, *map(Path, sys.argv[4:]))
    asyncio.run(main(chosen, int(sys.argv[2]), sys.argv[3]))
