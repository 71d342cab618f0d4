"""Windows and writers' marks grow out of one budget, which stops all growth as it is used up and leaks nothing."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.core.live import Live
from node.quic.engine.budget import SHARE, Budget
from node.quic.limits import QuicLimits
from tests.support.quic import engine_of, read_all, serving, settled, soon
from tests.support.simulated import Simulation

KIB = 1024
MIB = 1024 * KIB


def budget_of(size):
    return Budget(Live(QuicLimits(max_grown_windows=size)))


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["take", "give", "end"]), st.integers(0, 64 * KIB))))
def test_what_is_out_is_what_the_parts_have_and_never_more_than_there_is(steps):
    budget = budget_of(1000 * KIB)
    parts, held = [budget.part() for _ in range(10)], [0] * 10
    for place, what, count in steps:
        if what == "take":
            held[place] += parts[place].take(count)
        elif what == "give":
            parts[place].give_back(min(count, held[place]))
            held[place] -= min(count, held[place])
        else:
            parts[place].end()
            held[place] = 0
        assert [part.held for part in parts] == held
        assert budget.out == sum(held) <= 1000 * KIB
    for part in parts:
        part.end()
    assert budget.out == 0


def test_a_part_that_has_ended_takes_nothing_more():
    budget = budget_of(MIB)
    part = budget.part()
    assert part.take(10) == 10
    part.end()
    part.end()
    assert part.take(10) == budget.out == budget.refused == 0


def test_one_of_many_takes_a_share_of_what_is_left():
    budget = budget_of(160 * KIB)
    first = budget.part()
    assert first.take(MIB) == 160 * KIB // SHARE
    assert first.take(MIB) == 0
    taken = [budget.part().take(MIB) for _ in range(1000)]
    assert taken == sorted(taken, reverse=True)
    assert taken[-1] == 0
    assert 150 * KIB < budget.out <= 160 * KIB
    assert budget.refused == 1002


def test_a_limit_that_is_lowered_takes_nothing_back_and_lends_nothing_more():
    limits = Live(QuicLimits(max_grown_windows=MIB))
    budget = Budget(limits)
    part = budget.part()
    taken = part.take(10 * KIB)
    limits.value = QuicLimits(max_grown_windows=0)
    assert (part.take(10), budget.out) == (0, taken)
    limits.value = QuicLimits(max_grown_windows=2 * MIB)
    assert part.take(10) == 10


class Site:
    """Simulated connections over a long path, whose servers have one budget."""

    def __init__(self, size):
        self.limits = Live(QuicLimits(max_grown_windows=size))
        self.budget = Budget(self.limits)

    def connect(self):
        run = Simulation(self.limits.value, budget=self.budget)
        run.up.delay = run.down.delay = 0.05
        return run

    def upload(self, run):
        run.transfer(run.client, 12_000_000)
        return run.server.engine._window.size


def test_windows_grow_until_the_budget_is_used_up_and_again_as_another_connection_ends():
    first = QuicLimits().connection_window
    site = Site(SHARE * 8 * MIB)
    run = site.connect()
    assert site.upload(run) == 8 * MIB
    assert site.budget.out == 7 * MIB
    site.limits.value = QuicLimits(max_grown_windows=7 * MIB + 100)
    assert site.upload(site.connect()) <= first + 100
    assert site.budget.refused > 0
    run.server.engine.growth.end()
    site.limits.value = QuicLimits(max_grown_windows=SHARE * 8 * MIB)
    assert site.upload(site.connect()) == 8 * MIB
    assert 7 * MIB <= site.budget.out <= 7 * MIB + 100


def test_without_a_budget_no_peer_is_granted_more_than_at_first():
    run = Site(0).connect()
    run.send(run.client, 4_000_000)
    engine, most = run.server.engine, QuicLimits().connection_window

    def done():
        assert engine._local_max_data.value <= engine._consumed + most
        return run.server.ended

    run.run_until(done)


@pytest.mark.parametrize("size", [0, 256 * MIB])
async def test_writers_hold_their_first_mark_and_what_the_budget_lends(size):
    """Towards a peer that reads nothing, ten streams write 8 KiB at a time, again and again."""
    async with serving(max_grown_windows=size, stream_window=1200, connection_window=1200) as server:
        client, accepted = await server.pair()
        engine = engine_of(accepted)

        async def write(stream):
            while True:
                await stream.write(bytes(8 * KIB))

        streams = [await accepted.open_bi() for _ in range(10)]
        tasks = [asyncio.create_task(write(stream)) for stream in streams]
        await settled(lambda: sum(stream.writers for stream in streams) == 10)
        held = sum(engine.unacked(stream.stream_id) for stream in streams)
        first = QuicLimits().write_high_water
        assert (held <= first + 10 * 8 * KIB) is (size == 0)
        assert held <= first + engine.growth.held + 10 * 8 * KIB
        assert server.listener.snapshot()["grown_bytes"] == engine.growth.held
        for task in tasks:
            task.cancel()
        client.close()
        await settled(lambda: not server.links)
        assert server.listener.snapshot()["grown_bytes"] == 0


async def test_a_mark_comes_down_once_everything_is_acknowledged():
    async with serving() as server:
        client, accepted = await server.pair()
        near = await accepted.open_bi()
        engine, most = engine_of(accepted), 0

        async def send():
            nonlocal most
            for _ in range(64):
                await near.write(bytes(64 * KIB))
                most = max(most, engine.growth.held)
            near.finish()

        sending = asyncio.create_task(send())
        far = await soon(client.accept_bi())
        assert len(await soon(read_all(far))) == 4 * MIB
        await soon(sending)
        await settled(lambda: engine.growth.held == 0)
        assert most > 0


async def test_what_is_read_after_the_end_takes_nothing():
    async with serving() as server:
        client, accepted = await server.pair()
        stream = await client.open_bi()
        await stream.write(bytes(200 * KIB))
        stream.finish()
        far = await soon(accepted.accept_bi())
        await settled(lambda: len(far._inbox) == 200 * KIB)
        client.close()
        await settled(lambda: not server.links)
        engine_of(accepted)._window._granted_at = engine_of(accepted)._passed_at - 1e-6
        engine_of(accepted)._consumed = MIB
        assert len(await soon(read_all(far))) == 200 * KIB
        assert server.listener.snapshot()["grown_bytes"] == 0


@pytest.mark.parametrize("connections", [100, pytest.param(1000, marks=pytest.mark.soak)])
async def test_nothing_leaks_over_many_connections(connections):
    """Each takes a little and ends in one of four ways."""
    async with serving(
        max_connections_per_address=2000, handshakes_per_second=10_000, strangers_per_second=100_000
    ) as server:
        for number in range(connections):
            client, accepted = await server.pair()
            growth = engine_of(accepted).growth
            assert growth.take(1000) == 1000
            ending = number % 4
            if ending == 0:
                client.close()
            elif ending == 1:
                accepted.close()
            elif ending == 2:
                server.links[-1].drop()
            else:
                server.links[-1].forgotten()
        await settled(lambda: not server.links)
        assert server.listener.snapshot()["grown_bytes"] == 0
