"""A node that answers: what the dialogs of tests/contract/call do not ask, by a raw client over memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from node.core.index import build_index
from node.core.peers import PeerEntry
from node.handlers.call.authority import ScopedEnvironment
from node.handlers.call.errors import CallError
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationType
from tests.support.call_dialogs import FINGERPRINT, DialogNode, in_memory
from tests.support.quic import settled
from tests.support.raw_call import frame, read_event, read_events


@pytest.fixture
def node() -> DialogNode:
    return DialogNode()


async def test_scopes_follow_the_index_within_one_connection(node: DialogNode) -> None:
    node.provider.publish(build_index([]))
    async with in_memory(node, FINGERPRINT) as caller:
        assert (await caller.ask("/admin/run"))[1]["message"] == "authentication required"
        node.provider.publish(build_index([PeerEntry("ann", (FINGERPRINT,), scopes=("admin",))]))
        assert (await caller.ask("/admin/run"))[0] == "call.responded"
        node.provider.publish(build_index([PeerEntry("ann", (FINGERPRINT,))]))
        assert (await caller.ask("/admin/run"))[1]["message"] == "missing required scope: admin"


async def test_a_slow_request_holds_up_nobody_and_its_stream_ends_after_it(node: DialogNode) -> None:
    async with in_memory(node) as caller:
        stream = await caller.request("a", {"operationId": "/slow/run", "input": "a"})
        await caller.request("b", {"operationId": "/echo/run", "input": "b"}, stream=stream)
        stream.finish()
        assert await read_event(stream) == {"type": "call.responded", "id": "b", "payload": {"output": "b"}}
        node.release.set()
        assert await read_events(stream) == [{"type": "call.responded", "id": "a", "payload": {"output": "a"}}]


async def test_whoami_tells_how_the_node_sees_the_caller(node: DialogNode) -> None:
    node.provider.publish(build_index([PeerEntry("ann", (FINGERPRINT,), None, ("a",), {"repo": ("web",)})]))
    async with in_memory(node, FINGERPRINT) as caller:
        assert (await caller.ask("/node/whoami"))[1]["output"] == {
            "identity": {"id": "ann", "scopes": ["a"], "resources": {"repo": ["web"]}},
            "fingerprint": FINGERPRINT,
            "alpn": "alknet/call",
        }
    async with in_memory(node) as caller:
        assert (await caller.ask("/node/whoami"))[1]["output"] == {
            "identity": None,
            "fingerprint": None,
            "alpn": "alknet/call",
        }


async def test_a_fault_in_an_operation_is_internal_and_tells_nothing(node: DialogNode) -> None:
    async with in_memory(node) as caller:
        assert (await caller.ask("/broken/run"))[1] == {
            "code": "INTERNAL",
            "message": "internal error",
            "retryable": False,
        }
        assert (await caller.ask("/echo/run", 1))[0] == "call.responded"


async def test_a_request_past_its_time_is_timed_out_and_cancelled() -> None:
    node = DialogNode(CallLimits(request_timeout=0.05))
    async with in_memory(node) as caller:
        assert (await caller.ask("/slow/run"))[1] == {
            "code": "TIMEOUT",
            "message": "request timed out",
            "retryable": True,
        }
    assert node.cancelled == 1


async def test_a_lost_connection_cancels_what_it_asked_for(node: DialogNode) -> None:
    async with in_memory(node) as caller:
        await caller.request("a", {"operationId": "/slow/run"})
        await caller.ask("/echo/run")
    assert node.cancelled == 1


async def test_unknown_events_and_answers_to_nobody_are_ignored(node: DialogNode) -> None:
    async with in_memory(node) as caller:
        stream = await caller.send({"type": "call.mystery", "id": "x", "payload": None})
        for kind in ("call.responded", "call.completed", "call.aborted", "call.error"):
            await caller.send({"type": kind, "id": "ghost", "payload": {}}, stream=stream)
        await caller.request("a", {"operationId": "/echo/run", "input": 1}, stream=stream)
        stream.finish()
        assert [event["id"] for event in await read_events(stream)] == ["a"]


async def test_requests_beyond_the_limit_wait_their_turn() -> None:
    node = DialogNode(CallLimits(max_in_flight=2))
    async with in_memory(node) as caller:
        stream = await caller.request("0", {"operationId": "/slow/run"})
        for number in range(1, 5):
            await caller.request(str(number), {"operationId": "/slow/run"}, stream=stream)
        stream.finish()
        node.release.set()
        answers = await read_events(stream)
        assert {event["id"] for event in answers} == {"0", "1", "2", "3", "4"}
        assert {event["type"] for event in answers} == {"call.responded"}


async def test_an_abort_ends_what_was_composed_although_its_handler_goes_on(node: DialogNode) -> None:
    async def deaf(_: Any, context: OperationContext) -> None:
        child = asyncio.ensure_future(context.env.invoke("slow", "run", None, context))
        with contextlib.suppress(asyncio.CancelledError):
            await node.release.wait()
        await node.release.wait()
        with contextlib.suppress(CallError):
            await child

    node.registry.register(Operation("deaf/run", deaf, scoped_env=ScopedEnvironment(frozenset({"slow/run"}))))
    async with in_memory(node) as caller:
        await caller.request("a", {"operationId": "deaf/run"})
        await settled(lambda: node.handler.snapshot()["composed"])
        await caller.send({"type": "call.aborted", "id": "a", "payload": {}})
        await settled(lambda: node.cancelled)
        assert len(node.calls._inbound) == 1
        node.release.set()


async def test_what_a_handler_leaves_running_ends_with_its_answer(node: DialogNode) -> None:
    left: list[asyncio.Future[Any]] = []

    async def hasty(value: Any, context: OperationContext) -> Any:
        left.append(asyncio.ensure_future(context.env.invoke("slow", "run", None, context)))
        await settled(lambda: node.handler.snapshot()["composed"])
        return value

    node.registry.register(Operation("hasty/run", hasty, scoped_env=ScopedEnvironment(frozenset({"slow/run"}))))
    async with in_memory(node) as caller:
        assert (await caller.ask("/hasty/run", 1))[0] == "call.responded"
        with pytest.raises(CallError, match="request cancelled"):
            await asyncio.wait_for(left[0], 60)
        assert (node.cancelled, node.handler.snapshot()["composed"]) == (1, 0)


async def test_the_last_request_of_a_stream_runs_in_the_task_of_its_reader_and_an_abort_ends_it(
    node: DialogNode,
) -> None:
    def running() -> list[str]:
        return sorted(str(request.task and request.task.get_name()) for request in node.calls._inbound._active.values())

    async with in_memory(node) as caller:
        first = await caller.request("a", {"operationId": "/slow/run"})
        alone = await caller.connection.open_bi()
        request = {"type": "call.requested", "id": "b", "payload": {"operationId": "/slow/run"}}
        await alone.write_last(frame(request))
        await settled(lambda: hasattr(node, "calls") and running() == ["call request", "call stream"])
        await asyncio.sleep(0)
        await caller.send({"type": "call.aborted", "id": "b", "payload": {}})
        assert await read_events(alone) == []
        await settled(lambda: running() == ["call request"])
        assert node.cancelled == 1
        node.release.set()
        assert (await read_event(first))["id"] == "a"


async def test_what_a_handler_answers_after_its_abort_is_not_sent(node: DialogNode) -> None:
    begun = asyncio.Event()

    async def deaf(value: Any, _: OperationContext) -> Any:
        begun.set()
        with contextlib.suppress(asyncio.CancelledError):
            await node.release.wait()
        node.cancelled += 1
        return value

    node.registry.register(Operation("deaf/run", deaf))
    async with in_memory(node) as caller:
        stream = await caller.request("a", {"operationId": "deaf/run"})
        await begun.wait()
        await caller.send({"type": "call.aborted", "id": "a", "payload": {}}, stream=stream)
        await settled(lambda: node.cancelled == 1 and node.idle)
        await caller.request("b", {"operationId": "echo/run"}, stream=stream)
        stream.finish()
        assert [event["id"] for event in await read_events(stream)] == ["b"]


async def test_a_request_with_the_id_of_another_in_flight_is_dropped_and_not_held(node: DialogNode) -> None:
    async with in_memory(node) as caller:
        stream = await caller.request("a", {"operationId": "/slow/run", "input": 1})
        for _ in range(3):
            await caller.request("a", {"operationId": "/slow/run", "input": "x" * 2000}, stream=stream)
        stream.finish()
        node.release.set()
        answers = await read_events(stream)
        assert [event["payload"] for event in answers] == [{"output": 1}]
        await settled(lambda: node.idle)


async def test_what_waits_for_its_turn_is_forgotten_with_the_connection() -> None:
    node = DialogNode(CallLimits(max_in_flight=1))
    async with in_memory(node) as caller:
        for request_id in ("a", "b"):
            await caller.request(request_id, {"operationId": "/slow/run"})
        await settled(lambda: hasattr(node, "calls") and len(node.calls._inbound) == 2)


async def test_what_is_aborted_while_it_waits_for_its_turn_never_runs() -> None:
    node = DialogNode(CallLimits(max_in_flight=1))
    async with in_memory(node) as caller:
        first = await caller.request("a", {"operationId": "/slow/run"})
        second = await caller.request("b", {"operationId": "/echo/run"})
        second.finish()
        await settled(lambda: hasattr(node, "calls") and len(node.calls._inbound) == 2)
        await caller.send({"type": "call.aborted", "id": "b", "payload": {}})
        await settled(lambda: node.calls._inbound._active["b"].aborted)
        node.release.set()
        assert (await read_event(first))["type"] == "call.responded"
        assert await read_events(second) == []
        await settled(lambda: node.idle)
    assert node.contexts == []


async def test_a_request_and_its_abort_in_one_breath_leave_nothing(node: DialogNode) -> None:
    request = {"type": "call.requested", "id": "a", "payload": {"operationId": "/slow/run"}}
    abort = {"type": "call.aborted", "id": "a", "payload": {}}
    async with in_memory(node) as caller:
        stream = await caller.connection.open_bi()
        await stream.write(frame(request) + frame(abort))
        stream.finish()
        assert await read_events(stream) == []
        await settled(lambda: node.idle)
    assert node.cancelled == 0


async def test_a_stream_that_yields_on_after_its_abort_is_closed(node: DialogNode) -> None:
    async def stubborn(_: Any, __: OperationContext) -> AsyncIterator[int]:
        try:
            while True:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0)
                yield 0
        finally:
            node.closed += 1

    node.registry.register(Operation("stubborn/on", stubborn, OperationType.SUBSCRIPTION))
    async with in_memory(node) as caller:
        stream = await caller.request("a", {"operationId": "stubborn/on"})
        assert (await read_event(stream))["type"] == "call.responded"
        await caller.send({"type": "call.aborted", "id": "a", "payload": {}})
        await settled(lambda: node.closed == 1 and node.idle)
