"""Windows that grow while the reader keeps up, and passes that are skipped only where they would send nothing."""

import random

import pytest
from aioquic.quic.connection import QuicConnection
from hypothesis import given
from hypothesis import strategies as st

from node.quic.engine import engine as engine_module
from node.quic.engine.engine import Engine
from node.quic.engine.windows import Window
from node.quic.limits import QuicLimits
from tests.support.simulated import Host, Simulation

KIB = 1024
MB = 1_000_000


@given(st.lists(st.floats(0, 1)), st.floats(0.001, 0.5))
def test_a_window_never_shrinks_nor_grows_past_its_cap(pauses, round_trip):
    window, now = Window(64 * KIB, 300 * KIB), 0.0
    for pause in pauses:
        before, now = window.size, now + pause
        assert window.grant(now, round_trip) == window.size - before >= 0
    assert 64 * KIB <= window.size <= 300 * KIB


def test_a_window_grows_only_for_a_reader_that_uses_it_up_within_a_round_trip_or_two():
    quick, slow = Window(64 * KIB, 1024 * KIB), Window(64 * KIB, 1024 * KIB)
    for step in range(1, 10):
        quick.grant(step * 0.02, round_trip=0.1)
        slow.grant(step * 0.06, round_trip=0.1)
    assert (quick.size, slow.size) == (1024 * KIB, 64 * KIB)


def test_what_is_read_at_one_moment_is_one_step():
    window = Window(64 * KIB, 1024 * KIB)
    for _ in range(10):
        window.grant(1.0, round_trip=0.1)
    assert window.size == 64 * KIB


def transfer_over(delay, **limits):
    run = Simulation(QuicLimits(**limits))
    run.up.delay = run.down.delay = delay
    took = run.transfer(run.client, 12 * MB)
    return run, took


def test_a_long_path_is_filled():
    """At 100 ms there and back, windows that stay at 256 KiB let 2.6 MB pass a second."""
    run, took = transfer_over(0.05)
    _, fixed = transfer_over(0.05, max_stream_window=256 * KIB, max_connection_window=1024 * KIB)
    assert max(window.size for window in run.server.windows.values()) == QuicLimits().max_stream_window
    assert took < fixed / 2


def test_no_peer_is_ever_granted_more_than_what_was_read_and_one_window(monkeypatch):
    limits = QuicLimits(max_stream_window=512 * KIB, max_connection_window=1024 * KIB)
    run = Simulation(limits)
    run.up.delay = run.down.delay = 0.03
    run.send(run.client, 4 * MB)
    run.send(run.client, 4 * MB)
    engine = run.server.engine

    def done():
        assert engine._local_max_data.value <= engine._consumed + limits.max_connection_window
        for stream in engine._streams.values():
            assert stream.max_stream_data_local <= stream.receiver.starting_offset() + limits.max_stream_window
        return len(run.server.ended) == 2

    run.run_until(done)


def test_a_peer_that_is_not_read_finds_the_windows_as_they_were():
    run = Simulation()
    run.server._read = lambda event: None
    stream_id = run.send(run.client, 4 * MB)
    run.run_for(3.0)
    assert run.server.engine._streams[stream_id].receiver.highest_offset == QuicLimits().stream_window
    assert run.server.engine._local_max_data.value == QuicLimits().connection_window


@pytest.fixture
def skipped(monkeypatch):
    """An entry for each pass that was skipped. The engine's own pass is done all the same, and must send nothing."""
    passes = []
    original = Engine.nothing_due

    def checked(engine, now):
        if not original(engine, now):
            return False
        before = (engine._packet_number, len(engine._streams), engine._local_max_streams_bidi.value)
        assert QuicConnection.datagrams_to_send(engine, now) == []
        assert (engine._packet_number, len(engine._streams), engine._local_max_streams_bidi.value) == before
        passes.append(now)
        return True

    monkeypatch.setattr(Engine, "nothing_due", checked)
    return passes


@pytest.mark.parametrize("seed", range(4))
def test_a_pass_is_skipped_only_where_it_would_send_nothing(skipped, seed):
    chance = random.Random(seed)
    whole = []
    run = Simulation(seed=seed)
    run.up.loss = run.down.loss = 0.05
    for _ in range(60):
        host = chance.choice([run.client, run.server])
        what = chance.randrange(5)
        if what == 0:
            host.engine.send_ping(1)
        elif what == 1:
            host.engine.change_connection_id()
        elif what == 2:
            host.engine.abort_stream(run.send(host, 5000), 7)
        else:
            whole.append((run.peer(host), run.send(host, chance.choice([0, 10, 3000, 200_000]))))
        run.run_for(chance.choice([0.0, 0.003, 0.2]))
    run.run_for(5.0)
    assert len(skipped) > 100
    assert run.client.engine.ending is run.server.engine.ending is None
    assert all(stream_id in receiver.ended for receiver, stream_id in whole)


@pytest.mark.parametrize("seed", range(4))
def test_nothing_waits_for_ever_under_narrow_limits_with_moves_and_key_updates(skipped, monkeypatch, seed):
    """More streams than may be open at once, windows that are always used up; what is over is answered with a reset."""
    monkeypatch.setattr(engine_module, "KEY_UPDATE_PACKETS", 20)
    original = Host._read

    def read(host, event):
        original(host, event)
        if event.end_stream:
            host.engine.abort_stream(event.stream_id, 0)

    monkeypatch.setattr(Host, "_read", read)
    narrow = {"stream_window": 5000, "max_stream_window": 9000, "connection_window": 8000}
    run = Simulation(QuicLimits(max_streams=3, max_connection_window=20_000, **narrow), seed=seed)
    chance = random.Random(seed)
    run.up.loss = run.down.loss = 0.1
    run.client.engine.keep_alive(0.7)
    whole = []
    for number in range(100):
        host = chance.choice([run.client, run.server])
        if number % 20 == 19:
            run.client.address = (f"192.0.2.{chance.choice([1, 3])}", number)
        if chance.random() < 0.1 and host.engine.can_open():
            host.engine.abort_stream(run.send(host, 5000), 7)
        else:
            whole.append((run.peer(host), run.send(host, chance.choice([0, 10, 3000, 60_000]))))
        run.run_for(chance.choice([0.0, 0.003, 0.2]))
    run.run_until(lambda: not run.client.engine._streams and not run.server.engine._streams)
    assert skipped
    assert run.client.engine.ending is run.server.engine.ending is None
    assert all(stream_id in receiver.ended for receiver, stream_id in whole)
    for end in (run.client.engine, run.server.engine):
        assert end._consumed == end._local_max_data.used
        assert end._keys.key_phase or end._key_since
