"""Closed connections are forgotten when their drain is over, many at a time."""

import asyncio

from node.quic.connection.drains import STEP, Drains
from tests.support.quic import engine_of, serving, settled


async def test_each_is_forgotten_no_sooner_than_its_time_and_little_later():
    loop, drains, forgotten = asyncio.get_running_loop(), Drains(), {}
    began = loop.time()
    for number in range(10):
        until = began + number * STEP / 3
        drains.add(until, lambda until=until: forgotten.setdefault(until, loop.time()))
    await settled(lambda: len(forgotten) == 10)
    # The loop may call a clock's resolution early.
    assert all(at >= until - 0.001 for until, at in forgotten.items())
    assert not drains._steps


async def test_those_whose_time_is_nearly_the_same_share_a_timer(monkeypatch):
    loop, drains, forgotten = asyncio.get_running_loop(), Drains(), []
    timers = []
    original = loop.call_at
    monkeypatch.setattr(loop, "call_at", lambda *given: timers.append(given) or original(*given))
    until = (loop.time() // STEP + 2) * STEP - STEP / 4  # well inside a step, whatever is rounded
    for number in range(1000):
        drains.add(until - number * STEP / 2000, lambda number=number: forgotten.append(number))
    assert len(timers) == 1
    monkeypatch.undo()
    await settled(lambda: len(forgotten) == 1000)


async def test_a_closed_connection_keeps_its_identifiers_until_its_drain_is_over_and_has_no_timer_of_its_own():
    async with serving() as server:
        _, accepted = await server.pair()
        (link,) = server.links
        engine = engine_of(accepted)
        accepted.close(5, "done")
        assert engine.drained_at > asyncio.get_running_loop().time()
        assert server.links
        assert link.connection_ids
        assert not link._alarm.is_set
        await settled(lambda: not server.links)
        assert asyncio.get_running_loop().time() >= engine.drained_at - 0.001
        assert not link.connection_ids
        assert not server.listener._routes
