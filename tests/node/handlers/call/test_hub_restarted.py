"""Three nodes over real QUIC, of which the one in the middle is restarted under the clients that reconnect."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from node.client.reconnecting import ReconnectingClient
from node.handlers.call.errors import CallError
from node.handlers.call.limits import CallLimits
from tests.support.quic import settled
from tests.support.three_ends import Hub, Worker, running_hub


class Middle:
    """A hub before its worker. Each start is a new node that shares nothing but key and port with the one before."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.hub: Hub | None = None
        self._running = contextlib.AsyncExitStack()

    async def start(self) -> None:
        self.hub = await self._running.enter_async_context(running_hub(self.worker, former=self.hub))

    async def stop(self) -> None:
        await self._running.aclose()

    def client(self) -> "contextlib.AbstractAsyncContextManager[ReconnectingClient]":
        assert self.hub is not None
        pin = self.hub.key.fingerprint
        return ReconnectingClient.connect(self.hub.address, key=None, pin=pin, timeout=1.0, longest_delay=0.05)

    @property
    def idle(self) -> bool:
        return self.hub is not None and self.hub.idle and self.worker.idle


@pytest.fixture
async def middle() -> AsyncIterator[Middle]:
    worker = Worker(CallLimits())
    middle = Middle(worker)
    async with asyncio.timeout(60), worker.listening():
        await middle.start()
        yield middle
        await middle.stop()


@pytest.fixture
async def client(middle: Middle) -> AsyncIterator[ReconnectingClient]:
    async with middle.client() as connected:
        yield connected


async def waiting(middle: Middle, client: ReconnectingClient, *, query: bool = False) -> "asyncio.Task[object]":
    """A call that waits, by way of the hub, for the worker."""
    before = middle.worker.begun
    asked = asyncio.create_task(client.call("front/run", {"op": "wait", "x": 1}, query=query))
    await settled(lambda: middle.worker.begun == before + 1)
    return asked


async def test_an_abort_reaches_the_worker_before_and_after_a_restart(
    middle: Middle, client: ReconnectingClient
) -> None:
    for times in (1, 2):
        asked = await waiting(middle, client)
        asked.cancel()
        await settled(lambda expected=times: middle.worker.cancelled == expected and middle.idle)  # type: ignore[misc]
        await middle.stop()
        await middle.start()
        assert await client.call("front/run", {"op": "echo", "x": times}, query=True) == times
    assert middle.worker.finished == 0


async def test_every_client_recovers(middle: Middle) -> None:
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(middle.client()) for _ in range(8)]
        await middle.stop()
        await settled(lambda: all(client._link._client is None for client in clients))
        asked = [
            asyncio.create_task(client.call("front/run", {"op": "echo", "x": n})) for n, client in enumerate(clients)
        ]
        await middle.start()
        assert await asyncio.gather(*asked) == list(range(8))
        await settled(lambda: middle.idle)


async def test_a_query_under_way_is_given_up_by_the_old_hub_and_asked_of_the_new_one(
    middle: Middle, client: ReconnectingClient
) -> None:
    asked = await waiting(middle, client, query=True)
    await middle.stop()
    await settled(lambda: middle.worker.cancelled == 1)
    await middle.start()
    await settled(lambda: middle.worker.begun == 2)
    middle.worker.release.set()
    assert await asked == 1
    assert (middle.worker.finished, middle.worker.cancelled) == (1, 1)


async def test_what_is_no_query_ends_with_the_old_hub(middle: Middle, client: ReconnectingClient) -> None:
    asked = await waiting(middle, client)
    await middle.stop()
    with pytest.raises(CallError, match="INTERNAL: connection closed"):
        await asked
    await settled(lambda: middle.worker.cancelled == 1)
    await middle.start()
    assert await client.call("front/run", {"op": "echo", "x": 2}) == 2
    assert middle.worker.begun == 1


async def test_a_subscription_ends_with_the_old_hub_and_can_be_asked_of_the_new_one(
    middle: Middle, client: ReconnectingClient
) -> None:
    items = client.subscribe("front/each", ["echo", "wait"])
    assert await anext(items) == "echo"
    await middle.stop()
    with pytest.raises(CallError, match="INTERNAL: connection closed"):
        await anext(items)
    await middle.start()
    again = [item async for item in client.subscribe("front/each", ["echo", "echo"])]
    assert again == ["echo", "echo"]
