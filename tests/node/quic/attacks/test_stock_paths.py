"""What stock aioquic gets wrong over time and on changing paths, and our engine right: the same thing done to both."""

import asyncio

import pytest

from tests.support.quic import settled
from tests.support.stock import KIB, both
from tests.support.two_engines import PAIRS

# Stock's writers write an end of their own when they are collected, which fails on a stream that was reset.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@both
async def test_a_quiet_connection_can_be_kept(side):
    """Stock has no way to, short of a timer of one's own that pings."""
    async with PAIRS[side](idle_timeout=0.8) as pair:
        if side == "ours":
            pair.server.raw.keep_alive(0.1)
        ended = await _ends_within(pair, 1.6)
        assert ended is (side == "stock")


async def _ends_within(pair, seconds):
    try:
        await asyncio.wait_for(pair.client.raw.wait_closed(), seconds)
    except TimeoutError:
        return False
    return True


@both
async def test_a_peer_that_moved_is_told_of(side):
    """The client's packets come from another port, as behind a NAT that forgot it. Stock has no event for it."""
    async with PAIRS[side](through_nat=True) as pair:
        told, before = [], pair.server.engine.get_peer_address()
        if side == "ours":
            pair.server.raw.watch_moves(lambda old, new: told.append((old, new)))
        else:
            pair.server.raw.quic_event_received = told.append
        await pair.nat.rebind()
        near = await pair.client.open()
        await near.write(b"?")
        await settled(lambda: pair.server.engine.get_peer_address() != before)
        await settled(lambda: pair.server.engine._network_paths[0].is_validated)
        await asyncio.sleep(0.05)
        now = pair.server.engine.get_peer_address()
        if side == "ours":
            assert told == [(before, now)]
        else:
            assert told
            assert not [event for event in told if str(now[1]) in repr(event)]


@both
async def test_datagrams_grow_to_what_the_path_takes(side):
    async with PAIRS[side]() as pair:
        near = await pair.client.open()
        for _ in range(20):
            await near.write(bytes(16 * KIB))
            await asyncio.sleep(0.01)
        size = pair.client.engine._max_datagram_size
    assert size == 1200 if side == "stock" else size > 1500


@both
async def test_no_datagram_blocks_those_behind_it(side):
    """Stock keeps one that fits no packet at the head of its queue for ever. Ours offers none, and takes none."""
    async with PAIRS[side](**({"max_datagram_frame_size": 65_536} if side == "stock" else {})) as pair:
        engine = pair.client.engine
        if side == "stock":
            engine.send_datagram_frame(bytes(1300))
            engine.send_datagram_frame(b"small")
            pair.client.raw.transmit()
            await asyncio.sleep(0.1)
            assert [len(data) for data in engine._datagrams_pending] == [1300, 5]
        else:
            assert engine.configuration.max_datagram_frame_size is None
            assert not hasattr(pair.client.raw, "send_datagram")
