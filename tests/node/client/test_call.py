"""The client of calls against a real listener."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from node.client.call import CallClient
from node.core.identity import Identity
from node.handlers.call.errors import CallError
from tests.support.call_node import CallNode, call_node
from tests.support.quic import settled

ALICE = Identity("alice", ("a",), {"repo": ("web",)})


@pytest.fixture
async def node() -> AsyncIterator[CallNode]:
    async with asyncio.timeout(60), call_node() as running:
        yield running


@pytest.fixture
async def client(node: CallNode) -> AsyncIterator[CallClient]:
    async with CallClient.connect(node.address, key=None, pin=node.pin) as connected:
        yield connected


def held(client: CallClient) -> int:
    calls = client._calls
    return len(calls._pending) + calls._allowance.budget.used


async def test_a_subscription_is_an_async_iterator(client: CallClient) -> None:
    assert [item async for item in client.subscribe("count/up", 1000)] == [{"n": n} for n in range(1000)]
    assert [item async for item in client.subscribe("count/up", 0)] == []
    await settled(lambda: held(client) == 0)


async def test_the_error_of_a_subscription_comes_after_its_items(client: CallClient) -> None:
    items = []
    with pytest.raises(CallError, match="boom"):
        async for item in client.subscribe("count/fail"):
            items.append(item)
    assert items == [1]


async def test_a_subscription_that_is_left_ends_at_the_node(client: CallClient, node: CallNode) -> None:
    async with contextlib.aclosing(client.subscribe("count/on")) as items:
        assert await anext(items) == "x"
        assert node.running == 1
    await settled(lambda: node.running == 0)
    assert held(client) == 0


async def test_a_subscription_whose_reader_is_cancelled_ends_at_the_node(client: CallClient, node: CallNode) -> None:
    async def read() -> None:
        async for _ in client.subscribe("count/on"):
            pass

    reading = asyncio.create_task(read())
    await settled(lambda: node.yielded > 10)
    reading.cancel()
    await settled(lambda: node.running == 0)


async def test_a_call_of_a_subscription_takes_the_first_item_and_ends_it(client: CallClient, node: CallNode) -> None:
    assert await client.call("count/on") == "x"
    await settled(lambda: node.running == 0)
    assert await client.call("echo/run", 1) == 1


async def test_a_subscription_to_a_query_has_one_item(client: CallClient) -> None:
    assert [item async for item in client.subscribe("echo/run", 5)] == [5]


async def test_what_is_not_there_cannot_be_subscribed_to(client: CallClient) -> None:
    with pytest.raises(CallError, match="NOT_FOUND"):
        await anext(client.subscribe("no/such"))


async def test_a_slow_reader_slows_the_node_and_loses_nothing(client: CallClient, node: CallNode) -> None:
    async with contextlib.aclosing(client.subscribe("count/on", 100_000)) as items:
        await anext(items)
        async with asyncio.timeout(60):
            before = -1
            while before != node.yielded:
                before = node.yielded
                await asyncio.sleep(0.3)
        assert client._calls._allowance.budget.used < 2 * 1024 * 1024
        for _ in range(before + 10):
            assert len(await anext(items)) == 100_000
    await settled(lambda: node.running == 0 and held(client) == 0)


async def test_a_subscription_past_its_time_is_timed_out_and_ended(client: CallClient, node: CallNode) -> None:
    with pytest.raises(CallError, match="TIMEOUT"):
        async for _ in client.subscribe("count/on", timeout=0.1):
            pass
    await settled(lambda: node.running == 0)


@pytest.mark.parametrize("cancels", [False, True])
async def test_a_call_that_is_given_up_ends_at_the_node(client: CallClient, node: CallNode, *, cancels: bool) -> None:
    call = asyncio.create_task(client.call("wait/run", timeout=30 if cancels else 0.2))
    await settled(lambda: node.running == 1)
    if cancels:
        call.cancel()
    with pytest.raises(asyncio.CancelledError if cancels else CallError):
        await call
    await settled(lambda: node.running == 0)


async def test_many_that_are_given_up_at_once_all_end(client: CallClient, node: CallNode) -> None:
    """Every stream that the node allows is in use; the word that they are not wanted must get through all the same."""
    calls = [asyncio.create_task(client.call("wait/run")) for _ in range(150)]
    await settled(lambda: node.running == 100)
    for call in calls:
        call.cancel()
    await settled(lambda: node.running == 0)
    assert await client.call("echo/run", 1) == 1


async def test_a_batch_gives_each_its_output_or_its_error(client: CallClient) -> None:
    outcomes = await client.batch([("echo/run", 1), ("no/such", None), ("echo/run", [2])])
    assert (outcomes[0], outcomes[2]) == (1, [2])
    assert isinstance(outcomes[1], CallError)
    assert await client.batch([]) == []


async def test_a_claim_goes_along(client: CallClient, node: CallNode) -> None:
    await client.call("echo/run", forwarded_for=ALICE)
    _ = [item async for item in client.subscribe("count/up", 1, forwarded_for=ALICE)]
    assert node.claims == [ALICE, ALICE]


async def test_a_lost_connection_ends_a_subscription_with_an_error(client: CallClient) -> None:
    with pytest.raises(CallError, match="connection closed"):
        async for _ in client.subscribe("count/on"):
            client.connection.close()
