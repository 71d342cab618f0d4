"""The end of the endpoint: handlers may finish, for a while."""

import asyncio
import contextlib

from node.core.connection import Connection
from node.core.identity import AuthContext
from tests.support.endpoint import Bench, ended, settled


async def test_a_handler_that_will_not_end_is_left_behind() -> None:
    bench, stubborn = Bench(drain_timeout=0.05), asyncio.Event()

    async def handle(connection: Connection, auth: AuthContext) -> None:
        while not stubborn.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await stubborn.wait()

    bench.handler.handle = handle  # type: ignore[method-assign]  # the point of this test
    bench.connect()
    await asyncio.sleep(0)
    await asyncio.wait_for(bench.endpoint.shutdown(), 60)
    assert bench.listener.calls == ["stop", "close"]
    stubborn.set()
    await settled(bench, 0)


async def test_a_cancelled_shutdown_leaves_nobody_waiting() -> None:
    bench = Bench(drain_timeout=60)
    running = asyncio.create_task(bench.endpoint.run())
    await asyncio.sleep(0)
    bench.connect()
    stopping = asyncio.create_task(bench.endpoint.shutdown())
    await asyncio.sleep(0.01)
    stopping.cancel()
    await asyncio.wait_for(running, 60)
    await asyncio.wait_for(bench.endpoint.shutdown(), 60)
    bench.handler.release.set()
    await settled(bench, 0)


async def test_shutdown_lets_handlers_finish() -> None:
    bench = Bench(drain_timeout=10)
    running = asyncio.create_task(bench.endpoint.run())
    await asyncio.sleep(0)
    client = bench.connect()
    await asyncio.sleep(0)
    stopping = asyncio.create_task(bench.endpoint.shutdown())
    await asyncio.sleep(0.01)
    assert bench.listener.calls == ["stop"]
    assert await ended(bench.connect()) == (0, "shutdown")
    bench.handler.release.set()
    await stopping
    await running
    assert await ended(client) == (0, "")
    assert (bench.handler.cancelled, bench.listener.calls) == (0, ["stop", "close"])


async def test_shutdown_closes_what_does_not_finish_and_may_be_repeated() -> None:
    bench = Bench(drain_timeout=0.01)
    client = bench.connect()
    await asyncio.sleep(0)
    await asyncio.gather(bench.endpoint.shutdown(), bench.endpoint.shutdown())
    assert await ended(client) == (0, "shutdown")
    assert (bench.handler.cancelled, len(bench.endpoint.connections)) == (1, 0)
    assert bench.listener.calls == ["stop", "close"]
