"""The endpoint of most tests. Those with another peculiarity make their own."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.endpoint import Bench


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench(drain_timeout=0.05)
    running = asyncio.create_task(bench.endpoint.run())
    yield bench
    await bench.endpoint.shutdown()
    await asyncio.wait_for(running, 60)
