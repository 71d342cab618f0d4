"""Our side as the caller, over one stream and over many; a raw peer answers, or does not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from node.core.connection import Connection
from node.core.identity import AuthContext
from node.handlers.call.allowance import Allowances
from node.handlers.call.charge import Charge
from node.handlers.call.connection import CallConnection
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.errors import CallError
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import OperationRegistry
from node.handlers.call.outbound import PendingStream
from tests.support.quic import settled
from tests.support.raw_call import RawCaller, RawPeer, read_event
from tests.support.streams import connection_pair, stream_pair

ALPN = b"alknet/call"
Both = tuple[CallConnection, RawPeer]
LIMITS = CallLimits(max_unread_items=4)


@contextlib.asynccontextmanager
async def calling(connection: Connection, peer: RawPeer) -> AsyncIterator[Both]:
    allowance = Allowances(LIMITS).of_peer()
    dispatcher = Dispatcher(OperationRegistry(), lambda *_: None, LIMITS)
    calls = CallConnection(connection, AuthContext.anonymous(ALPN), dispatcher, LIMITS, allowance)
    running = asyncio.create_task(calls.run())
    async with asyncio.timeout(60), peer:
        yield calls, peer
        connection.close()
        await running
    assert (calls._pending, allowance.held, len(calls._tasks)) == ({}, 0, 0)


@contextlib.asynccontextmanager
async def over_one() -> AsyncIterator[Both]:
    ours, theirs = stream_pair()
    peer = RawPeer(Connection.from_bidi(theirs, ALPN), theirs)
    async with calling(Connection.from_bidi(ours, ALPN), peer) as both:
        yield both


@contextlib.asynccontextmanager
async def over_many() -> AsyncIterator[Both]:
    ours, theirs = connection_pair(ALPN)
    async with calling(ours, RawPeer(theirs)) as both:
        yield both


@pytest.fixture(params=[over_one, over_many], ids=["one stream", "many streams"])
async def both(request: pytest.FixtureRequest) -> AsyncIterator[Both]:
    async with request.param() as opened:
        yield opened


async def answered(peer: RawPeer, output: Any) -> str:
    """The id of the next request, which is answered once."""
    stream, event = await peer.asked()
    await peer.send("call.responded", event["id"], {"output": output}, on=stream)
    return str(event["id"])


async def test_a_call_that_is_answered_is_said_nothing_more_of(both: Both) -> None:
    calls, peer = both
    ids = []
    for number in range(50):
        call = asyncio.create_task(calls.call("a/b"))
        ids.append(await answered(peer, number))
        assert await call == number
    assert [peer.unread(request_id) for request_id in ids] == [0] * 50


async def test_a_second_answer_to_a_call_is_a_subscription_that_is_aborted(
    both: Both,
) -> None:
    calls, peer = both
    call = asyncio.create_task(calls.call("a/b"))
    stream, event = await peer.asked()
    for number in range(3):
        await peer.send("call.responded", event["id"], {"output": number}, on=stream)
    assert await call == 0
    assert await peer.next(event["id"]) == ("call.aborted", {})
    assert peer.unread(event["id"]) == 0


async def test_a_call_that_takes_too_long_is_aborted(both: Both) -> None:
    calls, peer = both
    call = asyncio.create_task(calls.call("a/b", timeout=0.05))
    _, event = await peer.asked()
    with pytest.raises(CallError, match="TIMEOUT"):
        await call
    assert await peer.next(event["id"]) == ("call.aborted", {})
    call = asyncio.create_task(calls.call("a/b"))
    await answered(peer, 1)
    assert await call == 1


async def test_a_subscription_past_its_time_gives_no_item_that_waits() -> None:
    """Where its reader is the slower one, there would be one at any time."""
    allowance = Allowances(LIMITS).of_peer()
    pending = PendingStream("a", LIMITS, asyncio.get_running_loop().time())
    await pending.responded(msgspec.Raw(b"1"), Charge(allowance.answers), alone=True)
    with pytest.raises(CallError, match="TIMEOUT"):
        await anext(aiter(pending))


async def test_an_abort_goes_by_a_fresh_stream_where_the_peer_broke_the_last() -> None:
    async with over_many() as (calls, peer):
        for _ in range(3):
            call = asyncio.create_task(calls.call("a/b"))
            _, request = await peer.asked()
            call.cancel()
            stream, event = await peer.said(request["id"])
            assert event["type"] == "call.aborted"
            stream.reset()


@pytest.mark.parametrize("kind", ["call.completed", "call.aborted"])
async def test_the_peer_may_end_a_subscription_in_either_way(kind: str) -> None:
    async with over_many() as (calls, peer):
        reading = asyncio.create_task(read(calls))
        stream, event = await peer.asked()
        await peer.send("call.responded", event["id"], {"output": 1}, on=stream)
        await peer.send(kind, event["id"], on=stream)
        assert await reading == [1]
        assert peer.unread(event["id"]) == 0


async def test_an_error_that_is_none_does_not_end_a_subscription() -> None:
    async with over_many() as (calls, peer):
        reading = asyncio.create_task(read(calls))
        stream, event = await peer.asked()
        await peer.send("call.error", event["id"], {"code": 7}, on=stream)
        await peer.send("call.responded", event["id"], {"output": 1})
        await peer.send("call.completed", event["id"])
        assert await reading == [1]


async def test_a_reset_stream_fails_its_subscription_and_is_answered_with_no_abort() -> None:
    async with over_many() as (calls, peer):
        reading = asyncio.create_task(read(calls))
        stream, event = await peer.asked()
        stream.reset(7)
        with pytest.raises(CallError, match="INTERNAL"):
            await reading
        call = asyncio.create_task(calls.call("a/b"))
        await answered(peer, 1)
        await call
        assert peer.unread(event["id"]) == 0


async def test_items_that_nobody_takes_end_a_subscription_on_a_shared_stream() -> None:
    async with over_one() as (calls, peer):
        items = calls.subscribe("a/b")
        first = asyncio.create_task(anext(items))
        stream, event = await looked_up(peer, "subscription")
        for number in range(20):
            await peer.send("call.responded", event["id"], {"output": number}, on=stream)
        taken = [await first]
        with pytest.raises(CallError, match="not taken as fast"):
            while True:
                taken.append(await anext(items))
                await asyncio.sleep(0.05)
        assert taken == list(range(len(taken)))
        assert await peer.next(event["id"]) == ("call.aborted", {})


async def test_items_that_nobody_takes_hold_up_only_their_own_stream() -> None:
    async with over_many() as (calls, peer):
        items = calls.subscribe("a/b")
        first = asyncio.create_task(anext(items))
        stream, event = await peer.asked()
        for number in range(20):
            await peer.send("call.responded", event["id"], {"output": number}, on=stream)
        await peer.send("call.completed", event["id"], on=stream)
        assert await first == 0
        call = asyncio.create_task(calls.call("a/b"))
        await answered(peer, "meanwhile")
        assert await call == "meanwhile"
        assert [item async for item in items] == list(range(1, 20))


async def test_a_subscription_to_a_query_over_one_stream_has_one_item() -> None:
    async with over_one() as (calls, peer):
        for asked_before in (False, True):
            reading = asyncio.create_task(read(calls))
            if not asked_before:
                await answered(peer, {"name": "a/b", "op_type": "query"})
            await answered(peer, 5)
            assert await reading == [5]


async def test_a_request_that_is_given_up_half_sent_does_not_spoil_a_shared_stream() -> None:
    ours, theirs = stream_pair()
    late = RawPeer(Connection.from_bidi(theirs, ALPN), theirs)
    allowance, dispatcher = Allowances(LIMITS).of_peer(), Dispatcher(OperationRegistry(), lambda *_: None, LIMITS)
    connection = Connection.from_bidi(ours, ALPN)
    calls = CallConnection(connection, AuthContext.anonymous(ALPN), dispatcher, LIMITS, allowance)
    running = asyncio.create_task(calls.run())
    given_up = asyncio.create_task(calls.call("a/b", "x" * 1024 * 1024))
    await settled(lambda: theirs._incoming.buffer)
    given_up.cancel()
    call = asyncio.create_task(calls.call("a/b", "next"))
    async with asyncio.timeout(60), late:
        _, large = await late.asked()
        assert len(large["payload"]["input"]) == 1024 * 1024
        assert await late.next(large["id"]) == ("call.aborted", {})
        await answered(late, 1)
        assert await call == 1
        connection.close()
        await running


async def test_what_is_over_before_its_abort_has_its_turn_is_not_aborted() -> None:
    ours, theirs = stream_pair()
    connection, allowance = Connection.from_bidi(ours, ALPN), Allowances(LIMITS).of_peer()
    dispatcher = Dispatcher(OperationRegistry(), lambda *_: None, LIMITS)
    calls = CallConnection(connection, AuthContext.anonymous(ALPN), dispatcher, LIMITS, allowance)
    running = asyncio.create_task(calls.run())
    async with asyncio.timeout(60):
        small = asyncio.create_task(calls.call("a/b", 1))
        asked = await read_event(theirs)
        large = asyncio.create_task(calls.call("a/b", "x" * 1024 * 1024))
        await settled(lambda: len(theirs._incoming.buffer) > 60_000)
        small.cancel()
        await settled(lambda: calls._aborts._waiting)
        await RawCaller(connection).send({"type": "call.responded", "id": asked["id"], "payload": {}}, stream=theirs)
        await RawCaller(connection).send({"type": "call.completed", "id": asked["id"], "payload": {}}, stream=theirs)
        await settled(lambda: not calls._aborts._waiting)
        large.cancel()
        said = [await read_event(theirs) for _ in range(2)]
        assert [event["type"] for event in said] == ["call.requested", "call.aborted"]
        assert {event["id"] for event in said}.isdisjoint({asked["id"]})
        connection.close()
        await running


async def test_the_end_of_the_only_stream_ends_every_request() -> None:
    async with over_one() as (calls, peer):
        call, reading = asyncio.create_task(calls.call("a/b")), asyncio.create_task(read(calls, "c/d"))
        stream, _ = await peer.asked()
        await peer.asked()
        stream.finish()
        for request in (call, reading):
            with pytest.raises(CallError, match="connection closed"):
                await request
        with pytest.raises(CallError, match="connection closed"):
            await calls.call("a/b")


async def read(calls: CallConnection, operation: str = "a/b") -> list[Any]:
    return [item async for item in calls.subscribe(operation)]


async def looked_up(peer: RawPeer, kind: str) -> Any:
    """The subscription that comes once the peer was asked what type it is of."""
    await answered(peer, {"op_type": kind})
    return await peer.asked()
