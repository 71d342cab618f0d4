"""Whatever happens in whatever order: each request ends exactly once, and leaves nothing behind (spec call §5–§7)."""

import asyncio
import contextlib
import json
import struct
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from node.core.errors import StreamError
from tests.support.call_world import QUERIES, SUBSCRIPTIONS, World, world

SIDE = st.integers(0, 1)
ANY = st.integers(0, 50)
OPERATION = st.sampled_from((*QUERIES, *SUBSCRIPTIONS))
STEP = st.one_of(
    st.tuples(st.just("call"), SIDE, OPERATION),
    st.tuples(st.just("subscribe"), SIDE, OPERATION, st.integers(1, 9)),
    st.tuples(st.just("give up"), ANY),
    st.tuples(st.just("turns"), st.integers(1, 12)),
    st.tuples(st.just("open gate")),
)
HARM = st.one_of(
    st.tuples(st.just("reset"), ANY),
    st.tuples(st.just("finish"), ANY),
    st.tuples(st.just("abort"), SIDE, ANY),
    st.tuples(st.just("junk"), SIDE),
    st.tuples(st.just("lose"), SIDE),
)


async def take(step: Any, at: World) -> None:
    match step:
        case ("call", side, operation):
            at.call(side, operation)
        case ("subscribe", side, operation, most):
            at.subscribe(side, operation, most)
        case ("give up", which) if at.asked:
            at.asked[which % len(at.asked)].cancel()
        case ("turns", count):
            for _ in range(count):
                await asyncio.sleep(0)
        case ("open gate",):
            at.gate.set()
        case _:
            await harm(step, at)


async def harm(step: Any, at: World) -> None:
    """What a peer or a network may do to us."""
    match step:
        case ("reset", which) if at.streams:
            at.streams[which % len(at.streams)].reset(1)
        case ("finish", which) if at.streams:
            at.streams[which % len(at.streams)].finish()
        case ("abort", side, which) if at.said:
            await write(at, side, {"type": "call.aborted", "id": at.said[which % len(at.said)].id, "payload": {}})
        case ("junk", side):
            await write(at, side, [])
        case ("lose", side):
            at.sides[side].connection.close(7, "lost")


async def write(at: World, side: int, event: Any) -> None:
    """One frame that the connection under test knows nothing of, where there can be another stream for it."""
    body = json.dumps(event).encode()
    if at.sources:
        with contextlib.suppress(StreamError):
            stream = await at.sources[side].open_foreign()
            await stream.write(struct.pack(">I", len(body)) + body)


async def play(steps: list[Any], *, one_stream: bool) -> None:
    before = asyncio.all_tasks()
    async with world(one_stream=one_stream) as at:
        for step in steps:
            await take(step, at)
        at.gate.set()
        if at.asked:
            _, waiting = await asyncio.wait(at.asked, timeout=5)
            assert not waiting
        await nothing_left(at)
    assert all(task.cancelled() or task.result() for task in at.asked)
    assert [len(side.calls._tasks) for side in at.sides] == [0, 0]
    await nothing_left(at)
    at.hold_to_the_rules()
    for _ in range(20):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def nothing_left(at: World) -> None:
    """Soon, while the connection is as it is."""
    for _ in range(2000):
        if not any(any(side.left) for side in at.sides):
            return
        await asyncio.sleep(0)
    raise AssertionError([side.left for side in at.sides])


EXAMPLES = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@EXAMPLES
@given(st.lists(STEP, max_size=30))
def test_requests_and_aborts_over_many_streams(steps: list[Any]) -> None:
    asyncio.run(play(steps, one_stream=False))


# Handlers that call back held every slot, and the only reader waited for one ahead of their answers.
@example([("subscribe", 0, "back", 1), *[("subscribe", 1, "back", 1)] * 4])
@EXAMPLES
@given(st.lists(STEP, max_size=30))
def test_requests_and_aborts_over_one_stream(steps: list[Any]) -> None:
    asyncio.run(play(steps, one_stream=True))


@EXAMPLES
@given(st.lists(st.one_of(STEP, STEP, HARM), max_size=40))
def test_a_hostile_peer_and_a_broken_network_over_many_streams(steps: list[Any]) -> None:
    asyncio.run(play(steps, one_stream=False))


@EXAMPLES
@given(st.lists(st.one_of(STEP, STEP, STEP, HARM), max_size=40))
def test_a_hostile_peer_and_a_broken_network_over_one_stream(steps: list[Any]) -> None:
    asyncio.run(play(steps, one_stream=True))
