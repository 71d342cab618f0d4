"""Steps of which random histories of call connections are made, and what must be true after each history."""

import asyncio
import contextlib
import json
import struct
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from node.core.errors import StreamError
from tests.support.call_operations import QUERIES, SUBSCRIPTIONS
from tests.support.call_world import World

END = st.integers(0, 3)
ANY = st.integers(0, 50)
OPERATION = st.sampled_from((*QUERIES, *SUBSCRIPTIONS))
STEP = st.one_of(
    st.tuples(st.just("call"), END, OPERATION),
    st.tuples(st.just("subscribe"), END, OPERATION, st.integers(1, 9)),
    st.tuples(st.just("give up"), ANY),
    st.tuples(st.just("turns"), st.integers(1, 12)),
    st.tuples(st.just("open gate")),
)
HARM = st.one_of(
    st.tuples(st.just("reset"), ANY),
    st.tuples(st.just("finish"), ANY),
    st.tuples(st.just("abort"), END, ANY),
    st.tuples(st.just("junk"), END),
    st.tuples(st.just("half"), END, st.booleans()),
    st.tuples(st.just("lose"), END),
)
HALF = struct.pack(">I", 1000) + b'{"type":"call.requested","id":"half",'
SECONDS = 30


async def take(step: Any, at: World) -> None:
    match step:
        case ("call", end, operation):
            at.call(end, operation)
        case ("subscribe", end, operation, most):
            at.subscribe(end, operation, most)
        case ("give up", which) if at.asked:
            at.asked[which % len(at.asked)].cancel()
        case ("turns", count):
            for _ in range(count):
                await asyncio.sleep(0)
        case ("open gate",):
            at.open_gates()
        case _:
            await harm(step, at)


async def harm(step: Any, at: World) -> None:
    """What a peer or a network may do to us."""
    match step:
        case ("reset", which) if at.streams:
            at.streams[which % len(at.streams)].reset(1)
        case ("finish", which) if at.streams:
            at.streams[which % len(at.streams)].finish()
        case ("abort", end, which) if said := [said for log in at.logs for said in log.said]:
            event = {"type": "call.aborted", "id": said[which % len(said)].id, "payload": {}}
            await write(at, end, _frame(event))
        case ("junk", end):
            await write(at, end, _frame([]))
        case ("half", end, finishes):
            await write(at, end, HALF, finishes=finishes)
        case ("lose", end):
            at.ends[end % len(at.ends)].calls._connection.close(7, "lost")


def _frame(event: Any) -> bytes:
    body = json.dumps(event).encode()
    return struct.pack(">I", len(body)) + body


async def write(at: World, end: int, data: bytes, *, finishes: bool = False) -> None:
    """Bytes that the connection under test knows nothing of, where there can be another stream for them."""
    source = at.ends[end % len(at.ends)].source
    if source is not None:
        with contextlib.suppress(StreamError):
            stream = await source.open_foreign()
            await stream.write(data)
            if finishes:
                stream.finish()


async def settle(at: World, *, harmed: bool) -> None:
    """Every request ends, and nothing of it is left, while the connections are as they are."""
    at.open_gates()
    if at.asked:
        _, waiting = await asyncio.wait(at.asked, timeout=SECONDS)
        assert not waiting
    for end in at.ends:
        for stream in end.source.foreign if end.source else ():
            stream.reset()
    await nothing(lambda: at.left)
    if not harmed:
        await nothing(lambda: [ids for log in at.logs if (ids := log.unended())])


def over(at: World) -> None:
    """The connections are closed: what was said was right, and all that ran for them has ended."""
    assert all(task.cancelled() or task.result() for task in at.asked)
    assert [len(end.calls._tasks) for end in at.ends] == [0] * len(at.ends)
    for log in at.logs:
        log.hold_to_the_rules()


async def nothing(left: Callable[[], Any]) -> None:
    """Soon. Raises AssertionError with what is left."""
    try:
        async with asyncio.timeout(SECONDS):
            for turn in range(1_000_000):
                if not left():
                    return
                await asyncio.sleep(0 if turn < 500 else 0.001)
    except TimeoutError:
        raise AssertionError(left()) from None
