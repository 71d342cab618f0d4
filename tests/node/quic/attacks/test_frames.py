"""Floods of frames that cost their sender a byte or two each: bounded work, then the end of that connection."""

import pytest
from aioquic.tls import Epoch

from bench.hostile import frame, packed, sealed, stream_frame
from node.quic.engine.guard import FRAMES_PER_SECOND, KEPT_ACKS, MAX_CLOSING, MAX_PEER_IDS
from tests.support.attacker import Attacker, Duel, held, held_by
from tests.support.quic import engine_of, serving, settled, soon

PROTOCOL_VIOLATION = 0xA
TOKEN = bytes(16)

FLOODS = {
    "ping": [frame(0x01)],
    "path challenge": [frame(0x1A, tail=b"12345678")],
    "path response": [frame(0x1B, tail=b"12345678")],
    "max data": [frame(0x10, number) for number in range(50)],
    "max streams": [frame(0x12, number) for number in range(50)],
    "max one-way streams": [frame(0x13, number) for number in range(50)],
    "data blocked": [frame(0x14, 5)],
    "stream data blocked": [frame(0x15, 0, 5)],
    "streams blocked": [frame(0x16, 5)],
    "empty stream frames": [frame(0x0A, 0, 0)],
    "max stream data": [frame(0x11, 0, 5)],
    "stop sending": [frame(0x05, 0, 0)],
    "reset": [frame(0x04, 0, 0, 0)],
    "acknowledgements": [frame(0x02, 0, 0, 0, 0)],
    "the same handshake bytes": [frame(0x06, 0, 1, tail=b"x")],
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_small_frames_ends_its_connection_after_bounded_work(name):
    duel = Duel().shake_hands()
    before = held(duel.server)
    payload = next(packed(FLOODS[name] * 1200))
    sent = 0
    while duel.server.ending is None:
        duel.strike(sealed(duel.client, payload))
        duel.answers(duel.server)
        sent += 1
        assert sent <= 2 * FRAMES_PER_SECOND
    assert duel.server.ending.code == PROTOCOL_VIOLATION
    assert duel.server.ending.reason == "too many small frames"
    assert duel.server.flooded
    assert held(duel.server) <= before + 64 * 1024


def test_an_honest_number_of_frames_costs_nothing():
    duel = Duel().shake_hands()
    for _ in range(200):
        frames = [stream_frame(4 * number, 0, bytes(48)) for number in range(20)]
        duel.attack(*frames, frame(0x01), frame(0x10, 1 << 20), *(frame(0x15, 0, 5) for _ in range(5)))
        duel.now += 0.001
    assert duel.server.ending is None
    assert duel.server._allowance.has(duel.now)
    assert duel.server._allowance._left in (None, FRAMES_PER_SECOND)


def test_connection_ids_are_not_retired_as_fast_as_a_peer_likes():
    """Each has two new random numbers drawn and a token derived, for two bytes of the peer's."""
    duel = Duel().shake_hands()
    duel.attack(*(frame(0x19, number) for number in range(1, 400)))
    assert duel.server.ending.reason == "too many connection ids"
    assert duel.server._host_cid_seq < 50


def test_connection_ids_are_not_given_as_fast_as_a_peer_likes():
    duel = Duel().shake_hands()
    given = [frame(0x18, number, number, tail=b"\x08" + number.to_bytes(8, "big") + TOKEN) for number in range(8, 60)]
    duel.attack(*given)
    assert duel.server.ending.code in (0x9, PROTOCOL_VIOLATION)
    assert len(duel.server._retire_connection_ids) <= 64


def test_connection_ids_said_and_retired_over_and_over_are_no_flood():
    """A peer whose packets are lost says them again; qh3 does so ever more times in one packet."""
    duel = Duel().shake_hands()
    known = sorted(duel.server._peer_cid_sequence_numbers - {0})
    said = [frame(0x18, number, 0, tail=b"\x08" + number.to_bytes(8, "big") + TOKEN) for number in known]
    for _ in range(20):
        duel.attack(*said * (42 // len(known)))
        duel.attack(*[frame(0x19, known[-1])] * 80)
    assert duel.server.ending is None


def test_a_peer_that_goes_through_ever_more_connection_ids_is_stopped():
    """The engine alone remembers the number of every id that was ever named."""
    duel = Duel().shake_hands()
    number = max(duel.server._peer_cid_sequence_numbers) + 1
    while duel.server.ending is None:
        duel.server.change_connection_id()
        tail = b"\x08" + number.to_bytes(8, "big") + TOKEN
        duel.attack(frame(0x18, number, 0, tail=tail))
        duel.server._retire_connection_ids.clear()
        duel.now += 0.01
        number += 1
        assert number <= MAX_PEER_IDS + 20
    assert duel.server.ending.reason == "too many connection ids"


def test_an_acknowledgement_of_what_was_never_sent_ends_the_connection():
    """Believed, it would have every later packet taken for lost, and keys replaced with each."""
    duel = Duel().shake_hands()
    duel.attack(frame(0x02, 1 << 40, 0, 0, 0))
    assert duel.server.ending.code == PROTOCOL_VIOLATION
    assert duel.server.ending.reason == "acknowledgement of a packet that was not sent"


def test_many_ranges_in_one_acknowledgement_are_taken():
    duel = Duel().shake_hands()
    ranges = [0, 0] * 500
    duel.server._packet_number = 5000
    duel.attack(frame(0x02, 4000, 0, 500, 0, *ranges))
    assert duel.server.ending is None


def test_many_acknowledgements_in_each_packet_are_a_flood_however_much_padding_they_bring():
    """For each, all packets in flight are looked at: thousands, while the peer takes in a large file."""
    duel = Duel().shake_hands()
    payload = frame(0x02, 0, 0, 0, 0) * 70 + bytes(800)
    for _ in range(50):
        duel.strike(sealed(duel.client, payload))
        duel.now += 0.002
    assert duel.server.ending.reason == "too many small frames"


def test_two_acknowledgements_in_each_packet_cost_nothing():
    duel = Duel().shake_hands()
    for _ in range(200):
        duel.strike(sealed(duel.client, frame(0x02, 0, 0, 0, 0) * 2))
        duel.now += 0.001
    assert duel.server.ending is None
    assert duel.server._allowance._refill(duel.now) == FRAMES_PER_SECOND


def test_acknowledgements_that_nobody_acknowledges_are_forgotten():
    """A peer that only pings, to keep its connection alive: the engine alone keeps a record of each answer."""
    duel = Duel().shake_hands()
    for _ in range(3000):
        duel.attack(frame(0x01))
        duel.now += 0.01
        assert duel.answers(duel.server)
    assert duel.server.ending is None
    assert len(duel.server._spaces[Epoch.ONE_RTT].sent_packets) <= 3 * KEPT_ACKS


def test_frames_behind_a_violation_are_not_looked_at():
    duel = Duel().shake_hands()
    duel.attack(frame(0x02, 1 << 40, 0, 0, 0))
    duel.attack(stream_frame(0, 0))
    assert not duel.server._streams


def test_a_closed_connection_is_forgotten_soon_however_slow_its_peer_seemed():
    """A peer that delays its acknowledgements has the engine alone wait for minutes, and hold a place meanwhile."""
    duel = Duel().shake_hands()
    duel.server._loss._rtt_smoothed = duel.server._loss._rtt_variance = 25.0
    duel.server.close()
    duel.answers(duel.server)
    assert duel.server.ended
    assert duel.server.get_timer() <= duel.now + MAX_CLOSING


async def test_datagram_frames_are_refused_since_none_were_offered():
    async with serving() as server:
        client, accepted = await server.pair()
        Attacker(client).send(frame(0x31, 4, tail=b"junk"))
        assert (await soon(accepted.wait_closed())).code == PROTOCOL_VIOLATION


async def test_resets_on_ever_new_streams_leave_nothing_and_stay_within_the_limit():
    async with serving(max_streams=20) as server:
        client, accepted = await server.pair()
        for _ in range(25):
            for _ in range(20):
                stream = await soon(client.open_bi())
                await stream.write(b"x")
                stream.reset()
            engine = engine_of(accepted)
            assert len(engine._streams) <= 20
            for _ in range(20):
                (await soon(accepted.accept_bi())).reset()
        await settled(lambda: not engine._streams and not accepted._source._streams)
        await (await client.open_bi()).write(b"x")
        await settled(lambda: not accepted._source._leaving)
        assert not accepted._source._refused


async def test_a_flood_is_counted_and_harms_no_other_connection():
    async with serving() as server:
        bad, worse = await server.pair()
        good, accepted = await server.pair()
        attacker = Attacker(bad)
        for _ in range(40):
            attacker.send(*[frame(0x01)] * 1100)
        await soon(worse.wait_closed())
        stream = await good.open_bi()
        await stream.write(b"?")
        assert await soon((await soon(accepted.accept_bi())).read()) == b"?"
        assert server.listener.metrics.floods == 1
        assert held_by(worse) < 64 * 1024
