"""Requests that last: counted, given up, lost and never read, over real QUIC and over one Unix stream."""

import asyncio

import pytest

from node.core.connection import BiStream
from node.handlers.call.limits import CallLimits
from tests.support.call_dialogs import CARRIERS, DialogNode, nothing_more, over_quic
from tests.support.quic import serving, settled
from tests.support.raw_call import RawPeer


async def test_a_second_request_with_the_id_of_one_in_flight_is_dropped(peer: RawPeer, node: DialogNode) -> None:
    await peer.request("a", "/slow/run", 1)
    await peer.request("a", "/slow/run", 2)
    await nothing_more(peer, "a")
    node.release.set()
    assert await peer.next("a") == ("call.responded", {"output": 1})
    await nothing_more(peer, "a")
    await peer.request("a", "/slow/run", 3)
    assert await peer.next("a") == ("call.responded", {"output": 3})


@pytest.mark.parametrize("node", [(CallLimits(max_subscriptions=2, max_in_flight=1),)], indirect=True)
async def test_subscriptions_are_counted_apart_and_hold_up_no_calls(peer: RawPeer, node: DialogNode) -> None:
    for request_id in ("a", "b"):
        await peer.request(request_id, "/events/quiet")
        assert (await peer.next(request_id))[0] == "call.responded"
    await peer.request("c", "/events/quiet")
    assert (await peer.next("c"))[1]["message"] == "2 subscriptions are being served already"
    await nothing_more(peer, "a", "b", "c")
    await peer.send("call.aborted", "a")
    await settled(lambda: node.closed == 1)
    await peer.request("d", "/events/quiet")
    assert (await peer.next("d"))[0] == "call.responded"


async def test_a_lost_connection_closes_every_generator(node: DialogNode) -> None:
    for carrier in CARRIERS.values():
        node.closed = 0
        async with carrier(node) as peer:
            await peer.request("a", "/events/quiet")
            await peer.next("a")
            await peer.request("b", "/events/endless", 10)
            await peer.next("b")
        assert (node.closed, node.idle, len(node.calls._tasks)) == (2, True, 0)


@pytest.mark.parametrize("node", [(CallLimits(stall_timeout=0.3),)], indirect=True)
async def test_a_subscriber_that_never_reads_is_waited_for_and_then_given_up(node: DialogNode) -> None:
    async with serving() as server:
        client, accepted = await server.pair()
        running = asyncio.create_task(node.serve(accepted))
        stream = await client.open_bi()
        await RawPeer(client, stream).request("a", "/events/endless", 100_000)
        await settled(lambda: node.yielded > 3)
        await settled(lambda: node.closed == 1)
        assert node.yielded < 500
        assert node.idle
        client.close()
        await running


async def test_a_reset_of_its_stream_ends_a_quiet_subscription(node: DialogNode) -> None:
    async with over_quic(node) as peer:
        stream: BiStream = await peer.request("a", "/events/quiet")
        await peer.next("a")
        stream.reset()
        await settled(lambda: node.closed == 1 and node.idle)
        await nothing_more(peer)


async def test_a_handler_that_gives_itself_up_is_answered_for(peer: RawPeer) -> None:
    await peer.request("a", "/cancelled/run")
    assert await peer.next("a") == ("call.error", {"code": "INTERNAL", "message": "internal error", "retryable": False})
    await nothing_more(peer, "a")
