"""A connection that has one stream: it carries everything, and its end waits for what was asked."""

import asyncio

import pytest

from node.core.connection import CLOSE_REVOKED, BiStream, Connection
from node.core.identity import AuthContext
from node.handlers.call.allowance import Allowance, Allowances
from node.handlers.call.connection import CallConnection
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.handler import ALPN
from node.handlers.call.limits import CallLimits
from tests.support.call_dialogs import DialogNode
from tests.support.raw_call import RawCaller, read_event, read_events
from tests.support.streams import stream_pair


@pytest.fixture
def node() -> DialogNode:
    return DialogNode()


def over_one_stream(node: DialogNode) -> tuple[Connection, BiStream, Allowance, asyncio.Task[None]]:
    """A connection that has one stream and is being served, the client's end of the stream, and what it may hold."""
    ours, theirs = stream_pair()
    connection, limits = Connection.from_bidi(ours, ALPN), CallLimits()
    allowance = Allowances(limits).of_peer()
    dispatcher = Dispatcher(node.registry, lambda *_: None, limits)
    calls = CallConnection(connection, AuthContext.anonymous(ALPN), dispatcher, limits, allowance)
    return connection, theirs, allowance, asyncio.create_task(calls.run())


async def test_over_one_stream_all_is_answered_before_the_end(node: DialogNode) -> None:
    connection, stream, _, serving = over_one_stream(node)
    caller = RawCaller(connection)
    await caller.request("slow", {"operationId": "slow/run", "input": 1}, stream=stream)
    await caller.request("quick", {"operationId": "echo/run", "input": 2}, stream=stream)
    assert (await read_event(stream))["id"] == "quick"
    stream.finish()
    await asyncio.sleep(0)
    assert not serving.done()
    node.release.set()
    assert [event["id"] for event in await read_events(stream)] == ["slow"]
    await asyncio.wait_for(serving, 60)


async def test_a_close_of_a_connection_of_one_stream_cancels_what_runs(node: DialogNode) -> None:
    connection, stream, allowance, serving = over_one_stream(node)
    await RawCaller(connection).request("1", {"operationId": "slow/run"}, stream=stream)
    await asyncio.sleep(0.01)
    assert allowance.held > 0
    connection.close(CLOSE_REVOKED, "enough")
    await asyncio.wait_for(serving, 60)
    assert (node.cancelled, allowance.held) == (1, 0)
