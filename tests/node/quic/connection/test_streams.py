"""Streams over real connections: order, half-close, resets, limits, back-pressure."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.errors import StreamClosed
from node.core.tasks import TaskSet
from node.quic.connection.source import STREAM_REFUSED
from tests.support.lossy import Fate, lossy
from tests.support.quic import echo, engine_of, read_all, serving, settled, soon

KIB = 1024


async def opened(pair):
    """Both ends of a stream that the client opened; its first byte is read."""
    client, server = pair
    near = await client.open_bi()
    await near.write(b"!")
    far = await soon(server.accept_bi())
    assert await soon(far.read(1)) == b"!"
    return near, far


async def test_both_directions_end_on_their_own():
    async with serving() as server:
        near, far = await opened(await server.pair())
        near.finish()
        assert await soon(far.read()) == b""
        await far.write(b"still open")
        assert await soon(near.read()) == b"still open"
        far.finish()
        far.finish()
        assert await soon(near.read()) == b""
        assert await soon(near.read()) == b""
        with pytest.raises(StreamClosed):
            await near.write(b"late")


async def test_the_server_opens_streams_too():
    async with serving() as server:
        client, accepted = await server.pair()
        near = await accepted.open_bi()
        await near.write(b"from the node")
        near.finish()
        assert await soon(read_all(await soon(client.accept_bi()))) == b"from the node"


async def test_a_read_takes_at_most_what_was_asked_for():
    async with serving() as server:
        near, far = await opened(await server.pair())
        await near.write(b"abcdef")
        assert await soon(far.read_exactly(5)) == b"abcde"
        assert await soon(far.read(4)) == b"f"
        near.finish()
        with pytest.raises(EOFError):
            await soon(far.read_exactly(1))
        with pytest.raises(ValueError, match="at least one"):
            await far.read(0)


async def test_a_reset_wakes_a_reader_with_its_code_and_drops_what_was_unread():
    async with serving() as server:
        near, far = await opened(await server.pair())
        await near.write(b"lost")
        reader = asyncio.create_task(far.read_exactly(100))
        near.reset(7)
        with pytest.raises(StreamClosed) as caught:
            await soon(reader)
        assert caught.value.code == 7
        with pytest.raises(StreamClosed):
            await near.read()
        with pytest.raises(StreamClosed):
            await near.write(b"x")


async def test_a_reset_stops_the_peer_s_writer_with_its_code():
    async with serving(write_high_water=16 * KIB) as server:
        near, far = await opened(await server.pair())
        writer = asyncio.create_task(far.write(bytes(2048 * KIB)))
        await settled(lambda: far.writers)
        near.reset(9)
        with pytest.raises(StreamClosed) as caught:
            await soon(writer)
        assert caught.value.code == 9


async def test_other_streams_survive_a_reset():
    async with serving() as server:
        pair = await server.pair()
        near, far = await opened(pair)
        other_near, other_far = await opened(pair)
        near.reset(1)
        with pytest.raises(StreamClosed):
            await soon(far.read())
        await other_near.write(b"alive")
        assert await soon(other_far.read()) == b"alive"


async def test_three_hundred_streams_fit_under_a_limit_of_a_hundred_and_leave_nothing():
    async with serving(max_streams=100) as server:
        client, accepted = await server.pair()
        serving_echo = asyncio.create_task(echo(accepted))
        for number in range(300):
            stream = await soon(client.open_bi())
            await stream.write(b"%d" % number)
            stream.finish()
            assert await soon(read_all(stream)) == b"%d" % number
        for source in (client._source, accepted._source):
            await settled(lambda source=source: not source._streams and not source.engine._streams)
            assert not source._leaving
        client.close()
        await soon(serving_echo)


async def test_opening_waits_while_the_peer_allows_no_more():
    async with serving(max_streams=2) as server:
        client, accepted = await server.pair()
        first, second = await client.open_bi(), await client.open_bi()
        third = asyncio.create_task(client.open_bi())
        await first.write(b"1")
        await second.write(b"2")
        far = await soon(accepted.accept_bi())
        await asyncio.sleep(0.02)
        assert not third.done()
        first.finish()
        far.finish()
        assert await soon(read_all(far)) == b"1"
        assert await soon(read_all(first)) == b""
        assert (await soon(third)).stream_id == 8


async def test_a_writer_waits_until_the_peer_reads():
    async with serving(write_high_water=64 * KIB, stream_window=64 * KIB) as server:
        near, far = await opened(await server.pair())
        size = 1024 * KIB
        writer = asyncio.create_task(near.write(bytes(size)))
        far_engine = server.links[0].engine
        await settled(lambda: far_engine._streams[0].receiver.starting_offset() > 64 * KIB - 1500)
        await asyncio.sleep(0.05)
        assert not writer.done()
        assert len(far._inbox) <= 64 * KIB
        assert near._unacked() <= 256 * KIB * 2
        assert len(await soon(far.read_exactly(size))) == size
        await soon(writer)


async def test_the_window_of_a_stream_is_what_was_read_and_no_more():
    async with serving(stream_window=64 * KIB, max_stream_window=64 * KIB) as server:
        near, far = await opened(await server.pair())
        await near.write(bytes(256 * KIB))
        stream = server.links[0].engine._streams[0]
        for read in (24 * KIB, 48 * KIB):
            await settled(lambda: stream.receiver.starting_offset() == stream.max_stream_data_local)
            await far.read_exactly(24 * KIB)
            assert stream.max_stream_data_local == 1 + read + 64 * KIB
        await settled(lambda: stream.receiver.starting_offset() == stream.max_stream_data_local)
        assert len(far._inbox) == 64 * KIB


async def test_streams_that_nobody_reads_hold_no_more_than_the_connection_s_window():
    async with serving(stream_window=64 * KIB, connection_window=128 * KIB) as server:
        pair = await server.pair()
        streams = [await opened(pair) for _ in range(4)]
        for near, _ in streams:
            await near.write(bytes(64 * KIB))
        limit = server.links[0].engine._local_max_data
        await settled(lambda: limit.used == limit.value)
        assert limit.value == 128 * KIB
        assert sum(len(far._inbox) for _, far in streams) <= 128 * KIB


async def test_a_cancelled_writer_leaves_the_stream_usable():
    async with serving(stream_window=32 * KIB) as server:
        near, far = await opened(await server.pair())
        await near.write(bytes(256 * KIB))
        writer = asyncio.create_task(near.write(b"never sent"))
        await settled(lambda: near.writers)
        writer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writer
        assert near.writers == 0
        await soon(far.read_exactly(256 * KIB))
        await soon(near.write(b"after"))
        near.finish()
        assert await soon(read_all(far)) == b"after"


async def test_a_stream_that_nobody_reads_does_not_starve_another():
    async with serving(stream_window=64 * KIB, connection_window=256 * KIB) as server:
        pair = await server.pair()
        stuck, _ = await opened(pair)
        near, far = await opened(pair)
        blocked = asyncio.create_task(stuck.write(bytes(16 * 1024 * KIB)))
        writer = asyncio.create_task(near.write(bytes(1024 * KIB)))
        await soon(far.read_exactly(1024 * KIB))
        await soon(writer)
        assert not blocked.done()
        stuck.reset()
        with pytest.raises(StreamClosed):
            await soon(blocked)


async def test_streams_set_aside_leave_the_window_to_the_others_as_long_as_they_may():
    """Four times the window lies in them; read or reset later, none of it is granted twice."""
    limits = {"stream_window": 16 * KIB, "connection_window": 32 * KIB, "max_connection_window": 32 * KIB}
    async with serving(**limits, max_stream_window=16 * KIB) as server:
        client, accepted = await server.pair()
        engine, held, full = engine_of(accepted), [], 16 * KIB - 1
        ends = [await opened((client, accepted)) for _ in range(9)]
        for near, far in ends[:8]:
            far.set_aside(lambda count: held.append(count) or True)
            await near.write(bytes(full))
        await settled(lambda: sum(held) == 8 * full)
        await ends[8][0].write(bytes(32 * KIB))
        assert len(await soon(ends[8][1].read_exactly(32 * KIB))) == 32 * KIB
        for _, far in ends[:4]:
            far.set_aside(None)
            await soon(far.read_exactly(full))
        for _, far in ends[4:8]:
            far.reset()
        assert engine._consumed == 9 + 8 * full + 32 * KIB


async def test_a_stream_set_aside_without_room_keeps_its_bytes_in_the_window():
    async with serving() as server:
        client, accepted = await server.pair()
        near, far = await opened((client, accepted))
        await near.write(b"x" * 1000)
        far.set_aside(lambda count: False)
        await settled(lambda: len(far._inbox) == 1000)
        assert engine_of(accepted)._consumed == 1
        assert await soon(far.read_exactly(1000)) == b"x" * 1000
        assert engine_of(accepted)._consumed == 1001


async def test_streams_reset_with_unread_data_give_their_window_back():
    """Far more than the connection's window goes through streams that are never read."""
    async with serving(stream_window=64 * KIB, connection_window=128 * KIB) as server:
        pair = await server.pair()
        for number in range(12):
            near, far = await opened(pair)
            await near.write(bytes(48 * KIB))
            await settled(lambda far=far: len(far._inbox) == 48 * KIB)
            resetting, other = (near, far) if number % 2 else (far, near)
            resetting.reset(3)
            await settled(lambda other=other: other._read_error is not None)
        near, far = await opened(pair)
        near.finish()
        assert await soon(far.read()) == b""


async def test_data_for_a_stream_that_we_reset_does_not_starve_the_connection():
    async with serving(stream_window=64 * KIB, connection_window=128 * KIB) as server:
        pair = await server.pair()
        for _ in range(25):
            near, far = await opened(pair)
            far.reset(1)
            # Written before the reset can have arrived, so it is sent nevertheless.
            await near.write(bytes(60 * KIB))
            with pytest.raises(StreamClosed):
                await soon(near.read())
        near, far = await opened(pair)
        await near.write(bytes(100 * KIB))
        assert len(await soon(far.read_exactly(100 * KIB))) == 100 * KIB


async def test_a_one_way_stream_is_told_to_stop_and_never_accepted():
    async with serving() as server:
        client, accepted = await server.pair()
        engine = engine_of(client)
        uni = engine.get_next_available_stream_id(is_unidirectional=True)
        engine.send_stream_data(uni, b"anyone?")
        client._source.flush_soon()
        await settled(lambda: engine._streams.get(uni) is None or engine._streams[uni].sender._reset_error_code)
        near = await client.open_bi()
        await near.write(b"two-way")
        assert await soon((await soon(accepted.accept_bi())).read()) == b"two-way"
        assert set(server.links[0].source._streams) == {near.stream_id}


async def test_a_stream_above_the_accept_queue_is_refused_for_good():
    async with serving(accept_queue=2) as server:
        client, accepted = await server.pair()
        streams = [await client.open_bi() for _ in range(3)]
        for stream in streams:
            await stream.write(b"x")
        with pytest.raises(StreamClosed) as caught:
            await soon(streams[2].read())
        assert caught.value.code == STREAM_REFUSED
        taken = [await soon(accepted.accept_bi()) for _ in range(2)]
        assert [stream.stream_id for stream in taken] == [0, 4]
        fourth = await client.open_bi()
        await fourth.write(b"y")
        assert (await soon(accepted.accept_bi())).stream_id == fourth.stream_id


async def test_more_data_of_a_refused_stream_does_not_make_it_a_new_one():
    async with serving(accept_queue=1) as server, lossy((server.host, server.port)) as proxy:
        client, accepted = await server.pair(host=proxy.address[0], port=proxy.address[1])
        source = accepted._source
        first, refused = await client.open_bi(), await client.open_bi()
        # The client must not learn of the refusal before it has sent more.
        proxy.judge = lambda to_server: Fate.DELIVER if to_server else Fate.DROP
        await first.write(b"1")
        await refused.write(b"2")
        await settled(lambda: refused.stream_id in source._refused)
        assert (await soon(accepted.accept_bi())).stream_id == first.stream_id
        await refused.write(b"3")
        await settled(lambda: source.engine._streams[refused.stream_id].receiver.starting_offset() == 2)
        proxy.judge = lambda _: Fate.DELIVER
        third = await client.open_bi()
        await third.write(b"4")
        assert (await soon(accepted.accept_bi())).stream_id == third.stream_id


async def test_data_on_one_way_streams_does_not_starve_the_connection():
    """A peer that goes on sending though it was told to stop."""
    async with serving(stream_window=64 * KIB, connection_window=128 * KIB) as server:
        client, accepted = await server.pair()
        engine = engine_of(client)
        for _ in range(5):
            uni = engine.get_next_available_stream_id(is_unidirectional=True)
            engine.send_stream_data(uni, b"")
            engine._streams[uni].sender.reset = lambda *_, **__: None
            engine.send_stream_data(uni, bytes(60 * KIB))
            client._source.flush_soon()
            await settled(lambda uni=uni: engine.unacked(uni) == 0)
        near = await client.open_bi()
        await near.write(bytes(100 * KIB))
        assert len(await soon((await soon(accepted.accept_bi())).read_exactly(100 * KIB))) == 100 * KIB


CHUNKS = st.lists(st.binary(max_size=3000), max_size=12)


@settings(max_examples=25, deadline=None)
@given(CHUNKS, st.integers(1, 5000))
async def test_what_is_echoed_is_what_was_sent_however_it_is_cut(chunks, limit):
    async with serving(stream_window=4096, connection_window=8192, write_high_water=2048) as server:
        client, accepted = await server.pair()
        echoing = asyncio.create_task(echo(accepted))
        stream = await client.open_bi()

        async def send():
            for chunk in chunks:
                await stream.write(chunk)
            stream.finish()

        async def receive():
            received = bytearray()
            while data := await stream.read(limit):
                assert len(data) <= limit
                received += data
            return bytes(received)

        _, received = await soon(asyncio.gather(send(), receive()))
        assert received == b"".join(chunks)
        client.close()
        await soon(echoing)


async def test_an_answer_from_a_task_of_a_task_shares_a_pass_with_the_acknowledgement():
    """As a call has it: the stream gets a reader, and what that reads a task."""
    async with serving() as server:
        client, accepted = await server.pair()
        tasks, passes, engine = TaskSet(), [], server.links[0].engine
        send = engine.datagrams_to_send
        engine.datagrams_to_send = lambda now: passes.append(now) or send(now)

        async def answer(stream, data):
            await stream.write(data)
            stream.finish()

        async def read(stream):
            tasks.spawn(answer(stream, await stream.read()), "answer")

        async def serve():
            while True:
                tasks.spawn(read(await accepted.accept_bi()), "reader")

        tasks.spawn(serve(), "server")
        for _ in range(20):
            stream = await client.open_bi()
            await stream.write(b"x")
            stream.finish()
            assert await soon(read_all(stream)) == b"x"
        assert len(passes) < 35
        await tasks.cancel()
