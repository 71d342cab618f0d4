"""Acknowledgements go along with what is sent anyway. None is later for that, and none goes alone before its time."""

import pytest
from aioquic.tls import Epoch

from tests.support.simulated import CLIENT, SERVER, Simulation


@pytest.fixture
def run():
    simulation = Simulation()
    simulation.run_for(1.0)
    return simulation


def space_of(host):
    return host.engine._spaces[Epoch.ONE_RTT]


def ask(run):
    """Let a request arrive, and give its stream."""
    stream_id = run.send(run.client, 64)
    for data, _ in run.client.engine.datagrams_to_send(run.now):
        run.server.engine.receive_datagram(data, CLIENT, run.now)
    run.server.read_events()
    return stream_id


def test_an_answer_carries_the_acknowledgement_of_its_request(run):
    stream_id = ask(run)
    assert space_of(run.server).ack_at > run.now
    run.server.engine.send_stream_data(stream_id, bytes(64), end_stream=True)
    (answer,) = run.server.engine.datagrams_to_send(run.now)
    run.client.engine.receive_datagram(answer[0], SERVER, run.now)
    assert space_of(run.server).ack_at is None
    assert run.client.engine.unacked(stream_id) == 0


def test_requests_in_turn_take_one_datagram_each_way(run):
    up = down = 0
    for _ in range(20):
        stream_id = run.send(run.client, 64)
        for data, _ in run.client.engine.datagrams_to_send(run.now):
            run.server.engine.receive_datagram(data, CLIENT, run.now)
            up += 1
        run.server.read_events()
        assert run.server.engine.datagrams_to_send(run.now) == []
        run.server.engine.send_stream_data(stream_id, bytes(64), end_stream=True)
        for data, _ in run.server.engine.datagrams_to_send(run.now):
            run.client.engine.receive_datagram(data, SERVER, run.now)
            down += 1
        run.client.read_events()
        assert run.client.engine.datagrams_to_send(run.now) == []
        run.now += 0.0001
    assert (up, down) == (20, 20)


def test_where_nothing_else_is_sent_an_acknowledgement_waits_for_its_time(run):
    ask(run)
    planned = space_of(run.server).ack_at
    assert run.server.engine.datagrams_to_send(run.now) == []
    assert space_of(run.server).ack_at == planned
    assert len(run.server.engine.datagrams_to_send(planned)) == 1
    assert space_of(run.server).ack_at is None


@pytest.mark.parametrize("held_by", ["congestion", "pacing"])
def test_what_is_held_back_takes_no_acknowledgement_along_and_delays_none(run, held_by):
    stream_id = ask(run)
    planned = space_of(run.server).ack_at
    loss = run.server.engine._loss
    if held_by == "congestion":
        loss._cc.bytes_in_flight = loss._cc.congestion_window - 100
    else:
        loss._pacer.packet_time, loss._pacer.bucket_time, loss._pacer.evaluation_time = 1.0, 0.0, run.now
    run.server.engine.send_stream_data(stream_id, bytes(5000), end_stream=True)
    sent = run.server.engine.datagrams_to_send(run.now)
    assert sent == [] or held_by == "congestion"
    assert space_of(run.server).ack_at == planned
    assert run.server.engine.get_timer() <= planned


def test_streams_that_are_over_are_forgotten_by_a_pass_that_sends_nothing(run):
    stream_id = ask(run)
    before = run.server.engine._local_max_streams_bidi.value
    run.server.engine.send_stream_data(stream_id, b"", end_stream=True)
    for data, _ in run.server.engine.datagrams_to_send(run.now):
        run.client.engine.receive_datagram(data, SERVER, run.now)
    run.client.read_events()
    run.now = run.client.engine.get_timer()
    for data, _ in run.client.engine.datagrams_to_send(run.now):
        run.server.engine.receive_datagram(data, CLIENT, run.now)
    assert run.server.engine.is_live(stream_id) is False
    assert run.server.engine.datagrams_to_send(run.now) == []
    assert run.client.engine._streams == run.server.engine._streams == {}
    assert run.client.engine._streams_queue == run.server.engine._streams_queue == []
    assert run.server.engine._local_max_streams_bidi.value == before + 1
