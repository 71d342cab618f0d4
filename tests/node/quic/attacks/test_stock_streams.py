"""What stock aioquic gets wrong with streams, and our engine right: one and the same thing done to both."""

import asyncio
import contextlib

import pytest

from bench.hostile import frame, sealed, stream_frame
from node.core.errors import StreamClosed
from tests.support.quic import settled, soon
from tests.support.stock import KIB, MIB, PATIENCE, both, comes
from tests.support.two_engines import PAIRS

# Stock's writers write an end of their own when they are collected, which fails on a stream that was reset.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@both
async def test_a_writer_waits_for_a_reader_that_does_not_read(side):
    most = 0
    async with PAIRS[side]() as pair:
        stream = await pair.client.open()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                for _ in range(16):
                    await stream.write(bytes(MIB))
                    most = max(most, len(pair.client.engine._streams[0].sender._buffer))
    assert (most > 12 * MIB) if side == "stock" else (most <= MIB)


@both
async def test_what_nobody_reads_is_not_taken_in_for_ever(side):
    async with PAIRS[side]() as pair:
        stream = await pair.client.open()
        writing = asyncio.create_task(stream.write(bytes(4 * MIB)))
        far = await soon(pair.server.accept())
        if side == "stock":
            await settled(lambda: far.unread == 4 * MIB)
        else:
            await settled(lambda: len(far._inbox) == 256 * KIB)
            assert not await comes(asyncio.shield(writing), expected=False)
            assert len(far._inbox) == 256 * KIB
        writing.cancel()


@both
async def test_one_byte_just_within_the_limit_does_not_double_it(side):
    async with PAIRS[side](**({"max_data": MIB, "max_stream_data": MIB} if side == "stock" else {})) as pair:
        near = await pair.client.open()
        await near.write(b"x")
        _far, engine = await soon(pair.server.accept()), pair.server.engine
        for _ in range(5):
            stream, offset = engine._streams[0], engine._streams[0].max_stream_data_local - 2
            pair.send(lambda client, offset=offset: sealed(client, stream_frame(0, offset)))
            await settled(lambda stream=stream, offset=offset: stream.receiver.highest_offset > offset)
            await asyncio.sleep(0.01)
        held = len(engine._streams[0].receiver._buffer)
    assert held > 15 * MIB if side == "stock" else held <= 256 * KIB


@both
async def test_no_table_grows_with_finished_streams(side):
    async with PAIRS[side]() as pair:
        for _ in range(50):
            near = await pair.client.open()
            await near.write(b"?")
            near.finish()
            far = await soon(pair.server.accept())
            assert await soon(far.read()) == b"?"
            far.finish()
            assert await soon(near.read()) == b""
        await settled(lambda: not pair.server.engine._streams)
        await asyncio.sleep(0.05)
        assert pair.server.stream_table == (50 if side == "stock" else 0)


@both
async def test_a_reset_wakes_the_reader(side):
    async with PAIRS[side]() as pair:
        near = await pair.client.open()
        await near.write(b"?")
        far = await soon(pair.server.accept())
        assert await soon(far.read()) == b"?"
        pair.send(lambda client: sealed(client, frame(0x04, 0, 7, 1)))
        came = await comes(far.read(), expected=side == "ours")
        assert came is (side == "ours")
        if came:
            with pytest.raises(StreamClosed):
                await far.read()


@both
async def test_a_peer_that_stops_reading_is_told_to_the_writer_as_such(side):
    async with PAIRS[side]() as pair:
        near = await pair.client.open()
        await near.write(b"?")
        far = await soon(pair.server.accept())
        pair.send(lambda client: sealed(client, frame(0x05, 0, 7)))
        await settled(lambda: pair.server.engine._streams[0].sender._reset_error_code is not None)
        with pytest.raises(RuntimeError if side == "stock" else StreamClosed):
            await far.write(b"!")


@both
async def test_a_stream_is_not_finished_by_losing_sight_of_it(side):
    async with PAIRS[side]() as pair:
        near = await pair.client.open()
        await near.write(b"?")
        far = await soon(pair.server.accept())
        assert await soon(far.read()) == b"?"
        del near
        ended = await comes(far.read(), expected=side == "stock")
        assert ended is (side == "stock")


@both
async def test_one_datagram_in_a_burst_is_not_one_transmission(side):
    async with PAIRS[side]() as pair:
        near = await pair.client.open()
        await near.write(b"x")
        _far = await soon(pair.server.accept())
        await asyncio.sleep(0.05)
        engine, passes = pair.server.engine, []
        original = engine.datagrams_to_send
        engine.datagrams_to_send = lambda now: passes.append(now) or original(now)
        for offset in range(40):
            pair.send(lambda client, offset=offset: sealed(client, stream_frame(0, 1 + offset)))
        await settled(lambda: engine._streams[0].receiver.highest_offset == 41)
        await asyncio.sleep(0.01)
        assert len(passes) >= 40 if side == "stock" else len(passes) <= 10
