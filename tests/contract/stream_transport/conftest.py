"""The kinds of stream that a transport is tried over."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from tests.support.transports import EVERY, TELLING, Ends


@pytest.fixture(params=EVERY.values(), ids=EVERY)
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[Ends]:
    make: Callable[[], AbstractAsyncContextManager[Ends]] = request.param
    async with make() as made, asyncio.timeout(60):
        yield made


@pytest.fixture(params=TELLING.values(), ids=TELLING)
async def telling(request: pytest.FixtureRequest) -> AsyncIterator[Ends]:
    make: Callable[[], AbstractAsyncContextManager[Ends]] = request.param
    async with make() as made, asyncio.timeout(60):
        yield made
