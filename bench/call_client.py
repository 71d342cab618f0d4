"""The dialling end of the call bench, with one connection for calls and one for the bare echo.

Run as `python -m bench.call_client PORT PIN`. Prints `ready`, then for each command how many nanoseconds it took; for
`idle` and `loaded`, the 99th percentile of the nanoseconds of one small call.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable

from bench import call_echo
from bench.engine_commands import commands, prepare
from bench.engine_side import HOST
from bench.figures import percentile
from node.client.call import CallClient
from node.core.connection import Connection
from node.quic.client.dial import dial_quic
from node.quic.tls.keys import NodeKey

SMALL = 32
"""Bytes of a small call's value, and of a small body of the echo."""

PIECE = 1024 * 1024
"""Bytes of one call of a transfer."""

Work = Callable[..., Awaitable[int]]


class Driver:
    """Each method is a command: its arguments are numbers, and it gives the nanoseconds to print."""

    def __init__(self, calls: CallClient, bare: Connection) -> None:
        self._calls = calls
        self._bare = bare

    def command(self, word: str) -> Work:
        works: dict[str, Work] = {
            "call": self.call,
            "bare": self.bare,
            "subscribe": self.subscribe,
            "bare-subscribe": self.bare_subscribe,
            "idle": self.idle,
            "loaded": self.loaded,
        }
        return works[word]

    async def call(self, count: int, width: int, size: int) -> int:
        text = "x" * size
        return await _timed(lambda: self._echo(text), count, width)

    async def bare(self, count: int, width: int, size: int) -> int:
        body = call_echo.body_of(size)
        return await _timed(lambda: call_echo.ask(self._bare, body), count, width)

    async def subscribe(self, count: int, items: int) -> int:
        return await _timed(lambda: self._take(items), count, 1)

    async def bare_subscribe(self, count: int, items: int) -> int:
        body = call_echo.body_of(SMALL, items)
        return await _timed(lambda: call_echo.ask(self._bare, body), count, 1)

    async def idle(self, count: int) -> int:
        return _p99([await _timed(self._small, 1, 1) for _ in range(count)])

    async def loaded(self, pieces: int) -> int:
        """While so many calls of one piece each follow each other on the same connection."""
        transfer, samples = asyncio.create_task(self.call(pieces, 1, PIECE)), []
        while not transfer.done():
            samples.append(await _timed(self._small, 1, 1))
        await transfer
        return _p99(samples)

    async def _small(self) -> None:
        await self._echo("x" * SMALL)

    async def _echo(self, text: str) -> None:
        assert await self._calls.call("bench/echo", text) == text

    async def _take(self, items: int) -> None:
        async with contextlib.aclosing(self._calls.subscribe("bench/items", items)) as found:
            assert [item async for item in found] == list(range(items))


async def _timed(work: Callable[[], Awaitable[None]], count: int, width: int) -> int:
    """The nanoseconds of doing it so many times in all, so many of them under way at any time."""

    async def repeat(times: int) -> None:
        for _ in range(times):
            await work()

    before = time.perf_counter_ns()
    if width == 1:
        await repeat(count)
    else:
        await asyncio.gather(*(repeat(count // width + (number < count % width)) for number in range(width)))
    return time.perf_counter_ns() - before


def _p99(samples: list[int]) -> int:
    return int(percentile(samples, 99))


async def main(port: int, pin: str) -> None:
    key = NodeKey.generate()
    bare = await dial_quic(HOST, port, alpn=call_echo.ALPN, key=key, pin=pin, timeout=30)
    async with CallClient.connect(f"{HOST}:{port}", key=key, pin=pin) as calls:
        driver = Driver(calls, bare)
        print("ready", flush=True)
        async for word, numbers in commands():
            print(await driver.command(word)(*numbers), flush=True)
    bare.close()


if __name__ == "__main__":
    prepare(1)
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
