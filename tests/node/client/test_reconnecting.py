"""The client that dials anew, against a real listener that is stopped and started on the same port."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from node.client.reconnecting import MAX_TRIES, ReconnectingClient
from node.core.errors import DialError, PinMismatch
from node.handlers.call.errors import CallError
from node.quic.tls.keys import NodeKey
from tests.support.call_node import CallNode, call_node
from tests.support.quic import settled


class Restarting:
    """A node that can be stopped and started again, with its key or with another, at the address that it had."""

    def __init__(self) -> None:
        self.key = NodeKey.generate()
        self.port = 0
        self._running = contextlib.AsyncExitStack()

    async def start(self, key: NodeKey | None = None) -> None:
        self.node = await self._running.enter_async_context(call_node(key or self.key, self.port))
        self.port = self.node.port

    async def stop(self) -> None:
        await self._running.aclose()

    def connect(self, **more: int) -> "contextlib.AbstractAsyncContextManager[ReconnectingClient]":
        pin = self.key.fingerprint
        return ReconnectingClient.connect(self.node.address, key=None, pin=pin, timeout=1.0, longest_delay=0.05, **more)


@pytest.fixture
async def place() -> AsyncIterator[Restarting]:
    place = Restarting()
    await place.start()
    async with asyncio.timeout(60):
        yield place
    await place.stop()


@pytest.fixture
async def client(place: Restarting) -> AsyncIterator[ReconnectingClient]:
    async with place.connect() as connected:
        yield connected


def gone(client: ReconnectingClient) -> bool:
    return client._link._client is None


async def begun(node: CallNode, client: ReconnectingClient, *, query: bool) -> "asyncio.Task[object]":
    asked = asyncio.create_task(client.call("wait/run", query=query))
    await settled(lambda: node.running == 1)
    return asked


async def test_a_call_waits_for_the_node_to_come_back(place: Restarting, client: ReconnectingClient) -> None:
    assert await client.call("echo/run", 1) == 1
    await place.stop()
    await settled(lambda: gone(client))
    asked = [asyncio.create_task(client.call("echo/run", n)) for n in range(50)]
    await settled(lambda: client._link._waiting == 50)
    await place.start()
    assert await asyncio.gather(*asked) == list(range(50))
    assert client._link._waiting == 0


async def test_a_node_may_be_restarted_again_and_again(place: Restarting, client: ReconnectingClient) -> None:
    for turn in range(3):
        await place.stop()
        await place.start()
        assert await client.call("echo/run", turn, query=True) == turn
    assert await client.batch([("echo/run", 1), ("no/such", None)], query=True) != []


async def test_a_call_waits_no_longer_than_its_time(place: Restarting, client: ReconnectingClient) -> None:
    await place.stop()
    await settled(lambda: gone(client))
    with pytest.raises(CallError, match="TIMEOUT: request timed out"):
        await client.call("echo/run", timeout=0.05)
    with pytest.raises(CallError, match="TIMEOUT: request timed out"):
        await anext(client.subscribe("count/on", timeout=0.05))
    assert client._link._waiting == 0


async def test_a_query_that_was_under_way_is_asked_again(place: Restarting, client: ReconnectingClient) -> None:
    asked = await begun(place.node, client, query=True)
    await place.stop()
    await place.start()
    await settled(lambda: place.node.running == 1)
    asked.cancel()
    await settled(lambda: place.node.running == 0)


async def test_what_is_no_query_is_never_asked_again(place: Restarting, client: ReconnectingClient) -> None:
    asked = await begun(place.node, client, query=False)
    await place.stop()
    await place.start()
    with pytest.raises(CallError, match="INTERNAL: connection closed"):
        await asked
    assert await client.call("echo/run", 1) == 1
    assert place.node.running == 0


async def test_a_query_that_brings_the_node_down_is_given_up(place: Restarting, client: ReconnectingClient) -> None:
    asked = await begun(place.node, client, query=True)
    for _ in range(MAX_TRIES - 1):
        await place.stop()
        await place.start()
        await settled(lambda: place.node.running == 1)
    await place.stop()
    with pytest.raises(CallError, match="INTERNAL: connection closed"):
        await asked
    await place.start()


async def test_an_error_of_the_node_is_no_lost_connection(client: ReconnectingClient) -> None:
    with pytest.raises(CallError, match="NOT_FOUND"):
        await client.call("no/such", query=True)
    assert not gone(client)


async def test_a_subscription_ends_with_an_error_and_can_be_asked_again(
    place: Restarting, client: ReconnectingClient
) -> None:
    items = client.subscribe("count/on")
    assert await anext(items) == "x"
    await place.stop()
    with pytest.raises(CallError, match="INTERNAL: connection closed"):
        async for _ in items:
            pass
    again = client.subscribe("count/on")
    first = asyncio.ensure_future(anext(again))
    await place.start()
    assert await first == "x"
    await again.aclose()
    await settled(lambda: place.node.running == 0)


async def test_another_key_at_the_address_is_never_asked_twice(place: Restarting, client: ReconnectingClient) -> None:
    await place.stop()
    await settled(lambda: gone(client))
    asked = asyncio.create_task(client.call("echo/run", 1))
    await place.start(NodeKey.generate())
    with pytest.raises(CallError, match="not dialled again") as caught:
        await asked
    assert isinstance(caught.value.__cause__, PinMismatch)
    await place.stop()
    await place.start()
    with pytest.raises(CallError, match="not dialled again"):
        await client.call("echo/run", 1, query=True)


async def test_as_many_calls_wait_as_may(place: Restarting) -> None:
    async with place.connect(max_waiting=2) as client:
        await place.stop()
        await settled(lambda: gone(client))
        waiting = [asyncio.create_task(client.call("echo/run", n)) for n in range(2)]
        await settled(lambda: client._link._waiting == 2)
        with pytest.raises(CallError, match="too many calls wait") as caught:
            await client.call("echo/run", 3)
        assert caught.value.retryable
        await place.start()
        assert await asyncio.gather(*waiting) == [0, 1]


@pytest.mark.parametrize("connected", [True, False])
async def test_closing_it_ends_everything(place: Restarting, *, connected: bool) -> None:
    async with place.connect() as client:
        if connected:
            asked = await begun(place.node, client, query=True)
        else:
            await place.stop()
            await settled(lambda: gone(client))
            asked = asyncio.create_task(client.call("wait/run", query=True))
            await settled(lambda: client._link._waiting == 1)
    with pytest.raises(CallError, match="INTERNAL: connection closed"):
        await asked
    with pytest.raises(CallError, match="INTERNAL: connection closed"):
        await client.call("echo/run")
    assert not [task for task in asyncio.all_tasks() if task.get_name() in ("reconnecting client", "call client")]


async def test_a_block_that_is_left_at_once_leaves_nothing(place: Restarting) -> None:
    async with place.connect() as client:
        pass
    assert client._link._end is not None
    assert not [task for task in asyncio.all_tasks() if task.get_name() in ("reconnecting client", "call client")]


async def test_the_first_dial_fails_as_any_other(place: Restarting) -> None:
    await place.stop()
    with pytest.raises(DialError):
        async with place.connect():
            pass
    await place.start(NodeKey.generate())
    with pytest.raises(PinMismatch):
        async with place.connect():
            pass
