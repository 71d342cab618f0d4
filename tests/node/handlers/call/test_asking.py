"""Our side as the caller of a raw node, over memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from node.core.connection import CLOSE_REVOKED
from node.core.errors import ConnectionClosed, StreamError
from node.core.identity import AuthContext
from node.handlers.call.allowance import Allowances
from node.handlers.call.connection import CallConnection
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.errors import CallError
from node.handlers.call.handler import ALPN
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import OperationRegistry
from tests.support.call_dialogs import DialogNode
from tests.support.raw_call import RawCaller, read_event
from tests.support.streams import connection_pair


@contextlib.asynccontextmanager
async def calling(limits: CallLimits) -> AsyncIterator[tuple[CallConnection, RawCaller]]:
    """Our side as the caller, a raw speaker as the node."""
    ours, theirs = connection_pair(ALPN)
    dispatcher = Dispatcher(OperationRegistry(), lambda *_: None, limits)
    calls = CallConnection(ours, AuthContext.anonymous(ALPN), dispatcher, limits, Allowances(limits).of_peer())
    serving = asyncio.create_task(calls.run())
    try:
        yield calls, RawCaller(theirs)
    finally:
        ours.close()
        await asyncio.wait_for(serving, 60)


async def asked(node: RawCaller) -> tuple[Any, Any]:
    stream = await node.connection.accept_bi()
    return stream, await read_event(stream)


async def test_our_request_names_its_operation_with_a_slash() -> None:
    async with calling(CallLimits()) as (calls, node):
        call = asyncio.create_task(calls.call("a/b", {"x": 1}, auth_token="t"))
        stream, event = await asked(node)
        assert event["payload"] == {"operationId": "/a/b", "input": {"x": 1}, "auth_token": "t"}
        await node.send({"type": "call.responded", "id": event["id"], "payload": {"output": 5}}, stream=stream)
        assert await call == 5


async def test_an_answer_may_come_by_another_stream() -> None:
    async with calling(CallLimits()) as (calls, node):
        call = asyncio.create_task(calls.call("a/b", None))
        _, event = await asked(node)
        await node.send({"type": "call.responded", "id": event["id"], "payload": {}})
        assert await call is None


@pytest.mark.parametrize("kind", ["call.completed", "call.aborted"])
async def test_a_call_that_the_node_gives_up_fails(kind: str) -> None:
    async with calling(CallLimits()) as (calls, node):
        call = asyncio.create_task(calls.call("a/b", None))
        stream, event = await asked(node)
        await node.send({"type": kind, "id": event["id"], "payload": {}}, stream=stream)
        with pytest.raises(CallError, match="request cancelled"):
            await call


async def test_a_reset_stream_fails_its_call_at_once() -> None:
    async with calling(CallLimits()) as (calls, node):
        call = asyncio.create_task(calls.call("a/b", None, timeout=60))
        stream, _ = await asked(node)
        stream.reset(7)
        with pytest.raises(CallError, match="INTERNAL"):
            await call


async def test_a_closed_connection_fails_every_call_and_tells_why() -> None:
    async with calling(CallLimits()) as (calls, node):
        pending = [asyncio.create_task(calls.call("a/b", n, timeout=60)) for n in range(3)]
        for _ in pending:
            await asked(node)
        node.connection.close(CLOSE_REVOKED, "revoked: peer disabled")
        for call in pending:
            with pytest.raises(CallError) as caught:
                await call
            assert isinstance(caught.value.__cause__, ConnectionClosed)
            assert caught.value.__cause__.reason == "revoked: peer disabled"
        with pytest.raises(CallError):
            await calls.call("a/b", None)


async def test_a_node_that_never_answers_times_the_call_out_and_may_answer_too_late() -> None:
    async with calling(CallLimits()) as (calls, node):
        call = asyncio.create_task(calls.call("a/b", None, timeout=0.05))
        stream, event = await asked(node)
        with pytest.raises(CallError) as caught:
            await call
        assert (caught.value.code, caught.value.retryable) == ("TIMEOUT", True)
        with pytest.raises(StreamError):
            await stream.read()
        _, given_up = await asked(node)
        assert given_up == {"type": "call.aborted", "id": event["id"], "payload": {}}
        await node.send({"type": "call.responded", "id": event["id"], "payload": {}})
        again = asyncio.create_task(calls.call("a/b", None))
        _, event = await asked(node)
        await node.send({"type": "call.responded", "id": event["id"], "payload": {"output": 1}})
        assert await again == 1


async def test_both_sides_call_at_once() -> None:
    ours, theirs = connection_pair(ALPN)
    dispatcher = Dispatcher(DialogNode().registry, lambda *_: None, CallLimits())
    limits, nobody = CallLimits(), AuthContext.anonymous(ALPN)
    sides = [CallConnection(end, nobody, dispatcher, limits, Allowances(limits).of_peer()) for end in (ours, theirs)]
    serving = [asyncio.create_task(side.run()) for side in sides]
    answers = await asyncio.gather(*(side.call("echo/run", n) for n, side in enumerate(sides * 5)))
    assert answers == list(range(10))
    ours.close()
    await asyncio.gather(*serving)
