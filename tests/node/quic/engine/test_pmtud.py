"""Path MTU discovery: the search by itself, then two engines on simulated paths."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.quic.engine import probing
from node.quic.engine.pmtud import BASE, LADDER, MAX_PROBES, RETRY_AFTER, PathMtu
from tests.support.simulated import Simulation

MB = 1_000_000


def search(mtu: int, path: PathMtu, now: float = 0.0, most: int = 100) -> int:
    """Answer every probe as a path of this size would; gives how many were lost."""
    lost = number = 0
    for _ in range(most):
        sizes = path.wanted(now)
        if not sizes:
            return lost
        for size in sizes:
            number += 1
            path.sent(number, size, now + 1)
        for number_, size in list(zip(range(number - len(sizes) + 1, number + 1), sizes, strict=True)):
            if size <= mtu:
                path.acked(number_)
            else:
                lost += 1
                path.lost(number_)
    raise AssertionError("the search does not end")


@given(st.integers(BASE, 70_000))
def test_the_search_ends_at_the_largest_rung_that_passes(mtu):
    path = PathMtu()
    lost = search(mtu, path)
    assert path.size == max([BASE, *[size for size in LADDER if size <= mtu]])
    assert lost <= len(LADDER) + MAX_PROBES


@given(st.integers(BASE, 70_000), st.integers(BASE, 70_000))
def test_nothing_larger_than_the_peer_takes_is_tried(mtu, most):
    path = PathMtu()
    path.cap(most)
    assert all(size <= most for size in path.wanted(0.0))
    search(mtu, path)
    assert path.size <= max(most, BASE)


def test_a_size_that_failed_is_tried_again_after_ten_minutes():
    path = PathMtu()
    search(1472, path)
    assert path.wanted(RETRY_AFTER - 1) == []
    search(9000, path, now=RETRY_AFTER + 1)
    assert path.size == 8952


def test_probes_of_which_nothing_is_heard_count_as_lost():
    path = PathMtu()
    path.sent(1, 1280, 5.0)
    path.sent(2, 1400, 6.0)
    assert path.deadline == 5.0
    path.expire(5.0)
    assert (path.deadline, path.wanted(5.0)) == (6.0, [])
    path.expire(6.0)
    assert (path.deadline, path.wanted(6.0)) == (None, [1280])


def test_a_probe_that_arrives_after_the_path_has_changed_says_nothing():
    path = PathMtu()
    path.sent(7, 8952, 1.0)
    path.restart()
    assert not path.acked(7)
    path.lost(7)
    assert path.size == BASE
    assert path.wanted(0.0) == list(LADDER)


def test_a_second_black_hole_soon_after_the_first_ends_the_search_for_ten_minutes():
    path = PathMtu()
    search(9000, path)
    path.fall_back(100.0)
    assert path.size == BASE
    search(9000, path, now=100.0)
    assert path.size == 8952
    path.fall_back(200.0)
    assert path.wanted(200.0 + RETRY_AFTER - 1) == []
    assert path.wanted(200.0 + RETRY_AFTER) != []


@pytest.mark.parametrize(
    ("mtu", "found"), [(65_535, 16_380), (8972, 8952), (1472, 1472), (1452, 1452), (1300, 1280), (1252, 1200)]
)
@pytest.mark.parametrize("upwards", [True, False])
def test_a_transfer_finds_what_its_path_takes(mtu, found, upwards):
    run = Simulation()
    run.up.mtu = run.down.mtu = mtu
    sender = run.client if upwards else run.server
    window = sender.engine._loss._cc
    run.transfer(sender, MB)
    assert sender.engine.datagram_size == found
    assert window.ssthresh is None, "the loss of a probe is no congestion"
    assert run.peer(sender).engine.datagram_size == BASE, "which finds its own when it has something to send"


def test_a_short_transfer_profits():
    run = Simulation()
    run.transfer(run.client, 100_000)
    assert run.client.engine.datagram_size == 16_380
    assert max(run.up.sizes[:60]) == 16_380


def test_small_exchanges_send_no_probe():
    run = Simulation()
    for _ in range(50):
        run.transfer(run.client, 500)
        run.transfer(run.server, 500)
    assert max(run.down.sizes) <= BASE
    assert max(run.up.sizes) <= BASE


def test_no_probe_is_larger_than_the_peer_takes():
    run = Simulation()
    run.client.engine._parse_transport_parameters(_with_max_payload(run, 1450))
    run.transfer(run.client, MB)
    assert run.client.engine.datagram_size == 1400
    assert max(run.up.sizes) <= 1450


def _with_max_payload(run, size):
    return run.server.engine._serialize_transport_parameters() + b"\x03\x02" + (0x4000 | size).to_bytes(2, "big")


def test_a_path_that_shrinks_in_mid_transfer_is_noticed():
    run = Simulation()
    stream_id = run.send(run.client, 4 * MB)
    run.run_until(lambda: run.server.received.get(stream_id, 0) > MB)
    assert run.client.engine.datagram_size == 16_380
    run.up.mtu = 1300
    shrunk_at = run.now
    run.run_until(lambda: run.client.engine.datagram_size < 1300, most=2)
    run.run_until(lambda: stream_id in run.server.ended)
    assert run.client.engine.datagram_size == 1280
    assert run.server.received[stream_id] == 4 * MB
    assert run.now - shrunk_at < 10


def test_a_path_that_loses_everything_for_a_while_is_found_again():
    run = Simulation()
    stream_id = run.send(run.client, 4 * MB)
    run.run_until(lambda: run.server.received.get(stream_id, 0) > MB)
    run.up.mtu = 0
    run.run_for(3.0)
    assert run.client.engine.datagram_size == BASE
    run.up.mtu = 65_535
    run.run_until(lambda: stream_id in run.server.ended)
    assert run.client.engine.datagram_size == 16_380


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("mtu", [65_535, 1472])
def test_loss_does_not_keep_the_size_down(seed, mtu):
    run = Simulation(seed=seed)
    run.up.mtu = mtu
    run.up.loss = run.down.loss = 0.02
    run.transfer(run.client, 2 * MB)
    assert run.client.engine.datagram_size == min(mtu, 16_380)


def test_the_first_probes_may_all_be_lost():
    run = Simulation()
    run.up.drop = lambda data: len(data) > BASE
    run.transfer(run.client, 12_000)
    assert run.client.engine.datagram_size == BASE
    run.up.drop = lambda _: False
    run.transfer(run.client, MB)
    assert run.client.engine.datagram_size == 16_380


def test_a_lost_probe_on_a_connection_that_falls_idle_costs_one_timer_and_no_retransmission():
    run = Simulation()
    run.up.mtu = 1472
    run.transfer(run.client, 13_000)
    run.run_for(2.0)
    engine = run.client.engine
    assert engine._path_mtu.deadline is None
    assert engine._loss._pto_count == 0
    sent = len(run.up.sizes)
    run.run_for(10.0)
    assert len(run.up.sizes) == sent


def test_another_address_of_the_peer_is_another_path():
    run = Simulation()
    run.transfer(run.server, MB)
    assert run.server.engine.datagram_size == 16_380
    run.client.address = ("192.0.2.99", 9)
    run.down.mtu = 1472
    seen = len(run.down.sizes)
    run.transfer(run.client, 10)
    run.transfer(run.server, MB)
    assert run.server.engine.datagram_size == 1472
    assert max(run.down.sizes[seen : seen + 5]) <= BASE
    assert run.server.engine._loss._cc.ssthresh is None


def test_a_black_hole_is_told_from_a_peer_that_is_silent_for_a_moment():
    run = Simulation()
    stream_id = run.send(run.client, 4 * MB)
    run.run_until(lambda: run.server.received.get(stream_id, 0) > MB)
    engine = run.client.engine
    run.up.drop = lambda _: engine._loss._pto_count < probing.BLACK_HOLE_TIMEOUTS - 1
    run.run_until(lambda: stream_id in run.server.ended)
    assert engine.datagram_size == 16_380


def narrows_in_mid_transfer(run, sender):
    """The window has room for two large packets and a bit, and that bit arrives: no time-out is ever reached."""
    path, peer, engine = run.up if sender is run.client else run.down, run.peer(sender), sender.engine
    stream_id = run.send(sender, 4 * MB)
    run.run_until(lambda: peer.received.get(stream_id, 0) > MB)
    assert engine.datagram_size == 1472
    path.mtu = 1252

    def done():
        if engine.datagram_size == 1472:
            engine._loss._cc.congestion_window = 3050
        return stream_id in peer.ended

    run.run_until(done)
    assert engine.datagram_size == BASE


def test_a_black_hole_is_seen_though_small_packets_are_acknowledged_all_the_while():
    run = Simulation()
    run.up.mtu = 1472
    narrows_in_mid_transfer(run, run.client)


def test_a_black_hole_is_seen_on_the_path_that_a_peer_has_moved_to():
    """With the path, congestion control is another as well."""
    run = Simulation()
    run.down.mtu = 1472
    run.transfer(run.server, MB)
    run.client.address = ("192.0.2.99", 9)
    run.transfer(run.client, 10)
    run.run_until(lambda: run.server.engine.proven_address == run.client.address)
    run.transfer(run.server, MB)
    narrows_in_mid_transfer(run, run.server)


def test_losses_among_large_packets_that_pass_are_no_black_hole():
    run = Simulation()
    count = itertools.count()
    run.up.drop = lambda _: next(count) % 10 == 0
    stream_id = run.send(run.client, 4 * MB)
    sizes = set()

    def done():
        sizes.add(run.client.engine.datagram_size)
        return stream_id in run.server.ended

    run.run_until(done)
    assert run.client.engine.datagram_size == max(sizes) > BASE
