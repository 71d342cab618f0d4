"""A raw peer that is connected to the node of the dialogs: over real QUIC, and over one Unix stream."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.call_dialogs import CARRIERS, Carrier, DialogNode
from tests.support.raw_call import RawPeer


@pytest.fixture
def node(request: pytest.FixtureRequest) -> DialogNode:
    """With its own limits, or for a peer of a certain key, where a test gives them indirectly."""
    return DialogNode(*getattr(request, "param", ()))


@pytest.fixture(params=CARRIERS.values(), ids=CARRIERS)
async def peer(request: pytest.FixtureRequest, node: DialogNode) -> AsyncIterator[RawPeer]:
    carrier: Carrier = request.param
    async with asyncio.timeout(60):
        async with carrier(node) as opened:
            yield opened
        node.expect_nothing_left()
