"""Calls through a hub, over real QUIC: a client asks the hub, whose handler has a worker do it."""

import asyncio
import contextlib

import pytest

from node.core.identity import Identity
from node.handlers.call.errors import CallError
from node.handlers.call.limits import CallLimits
from tests.support.quic import settled
from tests.support.three_ends import WORKER, ThreeEnds, three_ends


async def waiting(ends: ThreeEnds, operation: str = "front/run") -> "asyncio.Task[object]":
    """A call of the client that waits, by way of the hub, for the worker."""
    asked = asyncio.create_task(ends.client.call(operation, {"op": "wait", "x": 1}))
    await settled(lambda: ends.worker.begun == 1)
    return asked


async def test_whoever_asks_the_hub_has_the_worker_at_hand() -> None:
    async with three_ends() as ends:
        assert await ends.client.call("front/run", {"op": "echo", "x": {"a": [1]}}) == {"a": [1]}
        assert await ends.client.call("front/run", {"op": "echo", "x": 2, "peer": WORKER}) == 2
        [context, _] = ends.worker.contexts
        assert context.identity == Identity("hub")
        assert context.forwarded_for == Identity("front", ("admin",))
        assert (context.internal, context.parent_request_id) == (False, None)
        with pytest.raises(CallError, match="NOT_FOUND: operation not found: work/echo"):
            await ends.client.call("work/echo", 1)
        with pytest.raises(CallError, match="NOT_FOUND"):
            await ends.client.call("front/run", {"op": "echo", "peer": "worker-b"})
        await settled(lambda: ends.idle)


async def test_the_worker_judges_the_hub_whatever_the_hub_says_of_others() -> None:
    async with three_ends() as ends:
        listed = await ends.hub.to_worker.call("services/list", {})  # type: ignore[union-attr]
        assert "work/hidden" not in [operation["name"] for operation in listed["operations"]]
        claim = Identity("root", ("admin",))
        with pytest.raises(CallError, match="FORBIDDEN: missing required scope: admin"):
            await ends.hub.to_worker.call("work/hidden", 1, forwarded_for=claim)  # type: ignore[union-attr]


async def test_an_abort_of_the_client_cancels_the_workers_handler() -> None:
    async with three_ends() as ends:
        asked = await waiting(ends)
        asked.cancel()
        await settled(lambda: ends.worker.cancelled == 1 and ends.idle)
        assert ends.worker.finished == 0
        assert await ends.client.call("front/run", {"op": "echo", "x": 3}) == 3


async def test_a_client_that_is_gone_cancels_the_workers_handler() -> None:
    async with three_ends() as ends:
        asked = await waiting(ends)
        ends.client.connection.close()
        with pytest.raises(CallError, match="connection closed"):
            await asked
        await settled(lambda: ends.worker.cancelled == 1 and ends.idle)


async def test_a_subscription_that_is_closed_cancels_what_its_handler_composes() -> None:
    async with three_ends() as ends:
        async with contextlib.aclosing(ends.client.subscribe("front/each", ["echo", "wait"])) as items:
            assert await anext(items) == "echo"
            await settled(lambda: ends.worker.begun == 1)
            assert ends.hub.handler.snapshot().items() >= {"composed": 1, "continuing": 0, "imported_peers": 1}.items()
        await settled(lambda: ends.worker.cancelled == 1 and ends.idle)
        assert ends.hub.handler.snapshot()["composed"] == 0


@pytest.mark.parametrize("way", ["abort", "gone"])
async def test_what_continues_finishes_at_the_worker_when_the_client_is_gone(way: str) -> None:
    async with three_ends() as ends:
        asked = await waiting(ends, "front/leave")
        if way == "abort":
            asked.cancel()
        else:
            ends.client.connection.close()
        await settled(lambda: ends.hub.handler._roots.composed.going_on == 1)
        ends.worker.release.set()
        await settled(lambda: ends.worker.finished == 1 and ends.idle)
        assert (ends.worker.cancelled, ends.hub.handler._roots.composed.going_on) == (0, 0)
        await asyncio.gather(asked, return_exceptions=True)


async def test_the_hubs_time_limit_ends_the_workers_part_too() -> None:
    async with three_ends(CallLimits(request_timeout=0.5)) as ends:
        asked = await waiting(ends)
        with pytest.raises(CallError, match="TIMEOUT: request timed out"):
            await asked
        await settled(lambda: ends.worker.cancelled == 1 and ends.idle)


async def test_a_worker_that_goes_takes_its_operations_and_ends_what_it_was_doing() -> None:
    async with three_ends() as ends:
        asked = await waiting(ends)
        ends.worker.live[0]._connection.close()
        with pytest.raises(CallError, match="INTERNAL: connection closed"):
            await asked
        await settled(lambda: not ends.hub.handler.peers.snapshot())
        for peer in ({}, {"peer": WORKER}):
            with pytest.raises(CallError, match="NOT_FOUND"):
                await ends.client.call("front/run", {"op": "echo", **peer})
        await ends.hub.connect(ends.worker)
        assert await ends.client.call("front/run", {"op": "echo", "x": 4}) == 4


async def test_the_worker_may_call_the_hub_that_dialled_it() -> None:
    async with three_ends() as ends:
        answer = await ends.worker.live[0].call("mine/run", 5)
        assert answer == [5, WORKER]
        with pytest.raises(CallError, match="FORBIDDEN"):
            await ends.client.call("mine/run", 5)


async def test_peers_are_listed_with_what_the_caller_may_do() -> None:
    async with three_ends() as ends:
        by_client = (await ends.client.call("services/list-peers", {}))["peers"]
        by_worker = (await ends.worker.live[0].call("services/list-peers", {}))["peers"]
    assert [entry["peer_id"] for entry in by_client] == ["local", WORKER]
    names = [{operation["name"] for operation in entry["operations"]} for entry in by_client]
    own = {
        "services/list",
        "services/schema",
        "node/whoami",
        "services/list-peers",
        "front/run",
        "front/leave",
        "front/each",
    }
    assert names == [own, {"services/list", "services/schema", "node/whoami", "work/echo", "work/wait"}]
    assert {"name": "work/wait", "namespace": "work", "op_type": "query"} in by_client[1]["operations"]
    assert {operation["name"] for operation in by_worker[0]["operations"]} == own | {"mine/run"}
