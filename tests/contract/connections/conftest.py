"""Each transport in turn."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.support.connections import EVERY, MANY, Pair, unix


@pytest.fixture(params=EVERY.values(), ids=EVERY)
async def any_pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    factory: Callable[[Path], contextlib.AbstractAsyncContextManager[Pair]] = request.param
    async with factory(tmp_path) as ends, asyncio.timeout(60):
        yield ends


@pytest.fixture(params=MANY.values(), ids=MANY)
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    factory: Callable[[Path], contextlib.AbstractAsyncContextManager[Pair]] = request.param
    async with factory(tmp_path) as ends, asyncio.timeout(60):
        yield ends


@pytest.fixture
async def unix_pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with unix(tmp_path) as ends, asyncio.timeout(60):
        yield ends
