"""Peers that leave gaps, do not finish, do not read, or grant nothing: what each can make us hold."""

import asyncio

import pytest

from bench.hostile import frame, stream_frame
from node.core.errors import StreamError
from node.quic.engine.guard import MAX_PIECES
from tests.support.attacker import PIECE, Attacker, Duel, held, held_by
from tests.support.quic import engine_of, serving, settled, socket_of, soon

KIB = 1024
MIB = 1024 * KIB


async def test_a_thousand_sparse_frames_make_us_hold_less_than_two_mebibytes():
    """Each is one byte, as far ahead as the windows let it be; 1 000 of them are sent on 100 streams."""
    async with serving() as server:
        client, accepted = await server.pair()
        far = engine_of(accepted)
        stride = 10 * KIB
        frames = [stream_frame(4 * number, stride - 2 - round_) for round_ in range(10) for number in range(100)]
        Attacker(client).send(*frames)
        await settled(lambda: len(far._streams) == 100 and len(far._streams[396].receiver._ranges) == 1)
        assert 900 * KIB < held_by(accepted) <= 2 * MIB
        assert far.ending is None


async def test_what_is_beyond_the_windows_is_refused_before_it_is_held():
    async with serving() as server:
        client, accepted = await server.pair()
        Attacker(client).send(*(stream_frame(4 * number, 200 * KIB) for number in range(100)))
        assert (await soon(accepted.wait_closed())).code == 0x3
        assert held(engine_of(accepted)) <= MIB


def test_small_pieces_of_data_are_counted_over_all_streams_of_a_connection():
    """Every second byte: the engine alone keeps a range object for each, and looks at all of them for the next."""
    duel = Duel().shake_hands()
    most = 0
    for start in range(0, 2 * MAX_PIECES, 100):
        offsets = range(2 * start // 10 + 1, 2 * (start + 100) // 10, 2)
        duel.attack(*(stream_frame(4 * number, offset) for number in range(10) for offset in offsets))
        most = max(most, held(duel.server))
    assert duel.server.ending.reason == "too many small pieces of data"
    assert duel.server.flooded
    assert most <= MAX_PIECES * PIECE + 64 * KIB


def test_pieces_that_were_put_together_count_no_longer():
    duel = Duel().shake_hands()
    piece, rounds = 4, 3 * MAX_PIECES // 100
    for number in range(rounds):
        start = number * 100 * 2 * piece
        gaps = range(start + piece, start + 100 * 2 * piece, 2 * piece)
        duel.attack(*(stream_frame(0, offset, bytes(piece)) for offset in gaps))
        duel.attack(*(stream_frame(0, offset - piece, bytes(piece)) for offset in gaps))
        duel.server.read(0, 100 * 2 * piece, 0, duel.server.stream_window())
        duel.now += 0.1
        duel.answers(duel.server)
    assert duel.server.ending is None
    assert duel.server._streams[0].receiver.starting_offset() == rounds * 100 * 2 * piece


async def test_streams_that_are_never_finished_hold_one_window_together():
    async with serving() as server:
        client, accepted = await server.pair()
        for number in range(100):
            await (await client.open_bi()).write(bytes(9 * KIB))
            if number % 10 == 0:
                await soon(accepted.accept_bi())
        await settled(lambda: held_by(accepted) >= 900 * KIB)
        assert held_by(accepted) <= MIB
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.open_bi()


async def test_a_reader_that_never_reads_holds_its_window_and_no_more():
    async with serving() as server:
        client, accepted = await server.pair()
        near = await client.open_bi()
        writing = asyncio.create_task(near.write(bytes(4 * MIB)))
        far = await soon(accepted.accept_bi())
        await settled(lambda: len(far._inbox) == 256 * KIB)
        await asyncio.sleep(0.1)
        assert held_by(accepted) <= 256 * KIB
        assert not writing.done()
        writing.cancel()


async def test_a_peer_that_grants_nothing_makes_a_writer_wait_with_no_more_than_the_high_water_mark():
    """It keeps pinging, so the connection does not idle out. The writer waits, and its own time limit ends that."""
    async with serving(idle_timeout=0.3) as server:
        client, accepted = await server.pair()
        attacker = Attacker(client)
        attacker.engine.read = lambda *_: False
        near = await client.open_bi()
        await near.write(b"?")
        far = await soon(accepted.accept_bi())
        writing = asyncio.create_task(far.write(bytes(4 * MIB)))
        for _ in range(20):
            attacker.send(frame(0x01))
            await asyncio.sleep(0.05)
        assert not writing.done()
        assert engine_of(accepted).ending is None
        # What it has acknowledged by then tells how much the path may carry.
        assert held_by(accepted) <= 2 * (engine_of(accepted)._loss.congestion_window + 256 * KIB) < MIB + 64 * KIB
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(writing, 0.01)


async def test_a_writer_is_let_go_when_such_a_peer_falls_silent():
    async with serving(idle_timeout=0.3) as server:
        client, accepted = await server.pair()
        near = await client.open_bi()
        await near.write(b"?")
        far = await soon(accepted.accept_bi())
        engine_of(client).read = lambda *_: False
        socket_of(client)._udp.close()
        with pytest.raises(StreamError):
            await soon(far.write(bytes(MIB)))
        await settled(lambda: not server.links)


async def test_many_streams_that_a_peer_does_not_read_share_what_a_connection_may_hold():
    chunk = bytes(16 * KIB)
    async with serving() as server:
        client, accepted = await server.pair()
        engine_of(client).read = lambda *_: False

        async def answer(stream):
            while True:
                await stream.write(chunk)

        asked = []
        for _ in range(100):
            asked.append(await client.open_bi())
            await asked[-1].write(b"?")
        answers = [asyncio.create_task(answer(await soon(accepted.accept_bi()))) for _ in range(100)]
        await settled(lambda: len(accepted._source._waiting_writers) == 100)
        await asyncio.sleep(0.3)
        assert held_by(accepted) <= 4 * MIB + 100 * len(chunk)
        for task in answers:
            task.cancel()
