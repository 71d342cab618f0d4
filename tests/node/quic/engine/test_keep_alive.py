"""A connection that somebody wants kept, and one that nobody does."""

import asyncio

import pytest

from node.core.errors import StreamTimeout
from tests.support.attacker import Duel
from tests.support.lossy import Fate, lossy
from tests.support.quic import engine_of, serving, soon

IDLE = 0.3
"""Seconds; the engine takes no less than three probe time-outs, which are about 0.1 s over loopback."""


async def waiting(client, accepted):
    """A stream on which the client waits for an answer, once everything else is quiet."""
    stream = await client.open_bi()
    await stream.write(b"tell me")
    far = await soon(accepted.accept_bi())
    await soon(far.read(7))
    return stream, far


async def test_a_connection_that_one_side_wants_kept_outlives_its_idle_time_out():
    async with serving(idle_timeout=5 * IDLE) as server:
        client, accepted = await server.pair()
        accepted.keep_alive(IDLE / 4)
        stream, far = await waiting(client, accepted)
        await asyncio.sleep(8 * IDLE)
        await far.write(b"at last")
        assert await soon(stream.read()) == b"at last"


async def test_without_an_interval_the_setting_holds():
    async with serving(keep_alive=7) as server:
        _, accepted = await server.pair()
        for interval, kept in ((None, 7), (3, 3), (None, 7)):
            accepted.keep_alive(interval)
            assert engine_of(accepted)._interval == kept


async def test_a_connection_that_nobody_wants_kept_falls_idle():
    async with serving(idle_timeout=IDLE) as server:
        stream, far = await waiting(*await server.pair())
        for waits in (stream.read(), far.read()):
            with pytest.raises(StreamTimeout):
                await soon(waits)


async def test_a_vanished_peer_is_not_kept_alive():
    async with serving(idle_timeout=IDLE) as server, lossy((server.host, server.port)) as proxy:
        client, accepted = await server.pair(host=proxy.address[0], port=proxy.address[1])
        client.keep_alive(IDLE / 8)
        accepted.keep_alive(IDLE / 8)
        stream, far = await waiting(client, accepted)
        proxy.judge = lambda _: Fate.DROP
        for waits in (stream.read(), far.read()):
            with pytest.raises(StreamTimeout):
                await soon(waits)


async def test_it_ends_with_the_connection_and_may_be_asked_for_too_late():
    async with serving() as server:
        client, accepted = await server.pair()
        accepted.keep_alive(0.01)
        client.close()
        await soon(accepted.wait_closed())
        link = accepted._source._host
        accepted.keep_alive(0.01)
        await asyncio.sleep(0.05)
        assert not link.engine._ping_pending


async def test_an_interval_of_nothing_is_refused():
    async with serving() as server:
        client, _ = await server.pair()
        for interval in (0, -1.0, float("nan")):
            with pytest.raises(ValueError, match="interval"):
                client.keep_alive(interval)


class Watch(Duel):
    """Two engines on one clock. Counts what each sends, and how often it asks to be woken."""

    def __init__(self, **limits):
        super().__init__(**limits)
        self.shake_hands()
        for _ in range(20):
            self.exchange()
        self.sent = {self.client: 0, self.server: 0}
        self.wakes = 0

    def answers(self, engine):
        found = super().answers(engine)
        if hasattr(self, "sent"):
            self.sent[engine] += len(found)
        return found

    def let_pass(self, seconds, *, deaf=False):
        """Sleep from timer to timer, as a loop does."""
        end = self.now + seconds
        while True:
            timers = [engine.get_timer() for engine in (self.client, self.server)]
            due = min((timer for timer in timers if timer is not None), default=end)
            if due >= end:
                self.now = end
                return
            self.wakes += 1
            self.now = max(self.now, due)
            if deaf:
                self.answers(self.server)
                self.answers(self.client)
            else:
                self.now -= 0.01
                self.exchange()


def test_a_minute_of_quiet_costs_a_ping_and_an_answer_each_interval_and_one_side_s_pings_serve_both():
    watch = Watch(idle_timeout=30)
    for engine in (watch.client, watch.server):
        engine.keep_alive(10.0)
    watch.let_pass(61)
    assert not watch.client.ended
    assert not watch.server.ended
    assert 10 <= sum(watch.sent.values()) <= 16
    assert watch.wakes <= 40


def test_an_interval_too_long_for_the_idle_time_out_is_cut_to_fit_it():
    watch = Watch(idle_timeout=30)
    watch.client.keep_alive(300)
    watch.let_pass(120)
    assert not watch.client.ended
    assert not watch.server.ended


def test_a_peer_that_asks_for_a_tiny_idle_time_out_is_not_pinged_without_end():
    watch = Watch(idle_timeout=30)
    watch.server._remote_max_idle_timeout = 0.001
    watch.client.send_ping(1)
    watch.exchange()
    watch.server.keep_alive(10.0)
    watch.let_pass(10)
    assert watch.server.ended
    assert sum(watch.sent.values()) < 10


def test_without_it_there_is_no_traffic_and_no_wake_before_the_end():
    watch = Watch(idle_timeout=30)
    watch.let_pass(29)
    assert sum(watch.sent.values()) == watch.wakes == 0


def test_pings_that_nobody_answers_do_not_put_the_end_off():
    watch = Watch(idle_timeout=30)
    watch.client.keep_alive(10.0)
    watch.let_pass(45, deaf=True)
    assert watch.client.ended
    assert watch.sent[watch.client] < 30
