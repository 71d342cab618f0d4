"""What waits for room, and what never does (ADR 0033), over real QUIC connections with narrow limits."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.core.connection import BiStream
from node.core.errors import StreamClosed
from node.handlers.call.budget import ByteBudget
from node.handlers.call.counts import CallCounts
from node.handlers.call.errors import CallError
from node.handlers.call.limits import CallLimits
from node.handlers.call.room import Room
from node.handlers.call.stream_errors import NO_ROOM
from tests.support.bounded import MIB, Served, connected
from tests.support.quic import settled, soon
from tests.support.raw_call import RawCaller, read_event
from tests.support.streams import stream_pair

LARGE = 700_000
NARROW = {
    "stream_window": 32_768,
    "connection_window": 65_536,
    "max_stream_window": 32_768,
    "max_connection_window": 65_536,
}


async def begun(raw: RawCaller, length: int, sent: int) -> BiStream:
    """A stream on which a frame of `length` bytes stopped after so many."""
    stream = await raw.connection.open_bi()
    await stream.write(length.to_bytes(4, "big") + b" " * sent)
    return stream


async def test_what_finds_no_room_waits_until_there_is_some() -> None:
    served = Served(CallLimits(max_buffered=MIB))
    served.release.clear()
    async with connected(served) as (calls, _):
        first, second = (asyncio.create_task(calls.call("size/run", "x" * LARGE)) for _ in range(2))
        await settled(lambda: served.counts.waited == 1)
        assert await calls.call("echo/run", "small ones go by") == "small ones go by"
        served.release.set()
        assert await soon(asyncio.gather(first, second)) == [LARGE, LARGE]


async def test_what_waits_too_long_is_refused_and_may_be_asked_again() -> None:
    served = Served(CallLimits(max_buffered=MIB, stall_timeout=0.3))
    served.release.clear()
    async with connected(served) as (calls, _):
        first = asyncio.create_task(calls.call("size/run", "x" * LARGE))
        await settled(lambda: served.held > LARGE)
        with pytest.raises(CallError, match="no room for the request") as refused:
            await soon(calls.call("size/run", "x" * LARGE))
        assert (refused.value.code, refused.value.retryable) == ("INTERNAL", True)
        assert (served.counts.wait_timeouts, served.counts.refused_frames) == (1, 1)
        served.release.set()
        assert await first == LARGE
        assert await calls.call("size/run", "x" * LARGE) == LARGE


async def test_one_frame_larger_than_all_the_room_goes_alone() -> None:
    served = Served(CallLimits(max_buffered=65_536))
    async with connected(served) as (calls, _):
        asked = (calls.call("size/run", "x" * 3 * MIB, timeout=60) for _ in range(3))
        assert await asyncio.gather(*asked) == [3 * MIB] * 3


async def test_a_reset_while_it_waits_gives_its_turn_to_the_next() -> None:
    served = Served(CallLimits(max_buffered=MIB))
    served.release.clear()
    async with connected(served) as (calls, raw):
        first = asyncio.create_task(calls.call("size/run", "x" * LARGE))
        await settled(lambda: served.held > LARGE)
        given_up = await begun(raw, 64 * MIB, 1000)
        await settled(lambda: served.counts.waited == 1)
        given_up.reset()
        second = asyncio.create_task(calls.call("size/run", "x" * LARGE))
        await settled(lambda: served.counts.waited == 2)
        served.release.set()
        assert await soon(asyncio.gather(first, second)) == [LARGE, LARGE]


async def test_streams_that_wait_leave_the_window_to_the_others() -> None:
    """Eight of them hold four times the connection's window; the frame that has the room still gets its rest."""
    served = Served(CallLimits(max_buffered=MIB))
    async with connected(served, **NARROW) as (calls, raw):
        head = await begun(raw, LARGE, 10)
        await settled(lambda: len(room_of(served)) == 0 and room_of(served).used == LARGE)
        waiting = [asyncio.create_task(calls.call("size/run", "x" * LARGE, timeout=60)) for _ in range(8)]
        await settled(lambda: served.held > 8 * 30_000)
        assert await soon(calls.call("echo/run", "y" * 500)) == "y" * 500
        await soon(head.write(b" " * (LARGE - 10)))
        assert await soon(asyncio.gather(*waiting)) == [LARGE] * 8


async def test_a_handler_that_calls_back_gets_its_answer_past_those_who_wait() -> None:
    """Each holds room until its caller has answered it; more of them wait, with all that the window takes."""
    served = Served(CallLimits(max_buffered=300_000))
    async with connected(served, **NARROW) as (calls, _):
        asked = (calls.call("back/run", "x" * 200_000, timeout=60) for _ in range(6))
        assert await soon(asyncio.gather(*asked)) == [200_000] * 6
        assert served.counts.waited == 5


async def test_more_than_may_lie_in_waiting_streams_is_refused_at_once() -> None:
    served = Served(CallLimits(max_buffered=MIB, max_waiting=100_000))
    served.release.clear()
    async with connected(served) as (calls, _):
        first = asyncio.create_task(calls.call("size/run", "x" * LARGE))
        await settled(lambda: served.held > LARGE)
        with pytest.raises(CallError, match="no room"):
            await soon(calls.call("size/run", "x" * LARGE))
        assert served.counts.wait_timeouts == 0
        served.release.set()
        assert await first == LARGE


async def test_what_all_connections_hold_is_refused_and_not_waited_for() -> None:
    served = Served(CallLimits(max_buffered_total=MIB))
    served.release.clear()
    async with connected(served) as (calls, _):
        first = asyncio.create_task(calls.call("size/run", "x" * LARGE))
        await settled(lambda: served.held > LARGE)
        with pytest.raises(CallError, match="no room"):
            await soon(calls.call("size/run", "x" * LARGE))
        assert (served.counts.waited, served.counts.refused_frames) == (0, 1)
        served.release.set()
        assert await first == LARGE


async def test_half_sent_frames_on_every_stream_hold_no_more_than_the_bounds() -> None:
    """A hundred streams, each with what its window takes of a frame of the largest size."""
    limits = CallLimits(max_buffered=MIB, max_waiting=4 * MIB)
    served = Served(limits)
    async with connected(served) as (_, raw):
        streams = await soon(asyncio.gather(*(raw.connection.open_bi() for _ in range(100))))
        for stream in streams:
            asyncio.ensure_future(pushed(stream)).add_done_callback(lambda task: task.cancelled() or task.exception())
        await settled(lambda: served.counts.refused_frames > 50)
        assert served.held <= 64 * MIB + 4 * MIB
        assert max(calls._allowance.aside.used for calls in served.calls) <= 4 * MIB


async def pushed(stream: BiStream) -> None:
    await stream.write((60 * MIB).to_bytes(4, "big") + b" " * 300_000)


async def test_the_code_of_a_refusal_is_on_the_wire() -> None:
    served = Served(CallLimits(max_buffered_total=65_536))
    async with connected(served) as (_, raw):
        stream = await begun(raw, MIB, 100_000)
        with pytest.raises(StreamClosed) as closed:
            await soon(stream.read())
        assert closed.value.code == NO_ROOM


async def test_a_subscription_holds_its_input_and_not_the_rest_of_its_frame() -> None:
    served = Served(CallLimits(max_buffered=MIB))
    served.release.clear()
    async with connected(served) as (calls, raw):
        payload = {"operationId": "/fill/on", "input": "x" * 5000, "extra": "y" * LARGE}
        stream = await soon(raw.request("1", payload))
        assert (await soon(read_event(stream)))["payload"] == {"output": "x" * 5000}
        await settled(lambda: served.held < 6000)
        assert served.held >= 5000
        assert room_of(served).used == 0
        assert await soon(calls.call("echo/run", "x" * LARGE)) == "x" * LARGE
        served.release.set()


def room_of(served: Served) -> Any:
    [calls] = served.calls
    return calls._allowance.room


STEP = st.one_of(
    st.tuples(st.sampled_from(("size/run", "back/run", "echo/run")), st.integers(1, 150_000)),
    st.tuples(st.just("half"), st.integers(2000, 400_000)),
    st.tuples(st.just("reset"), st.integers(0, 50)),
    st.tuples(st.just("give up"), st.integers(0, 50)),
    st.tuples(st.just("pause"), st.integers(1, 20)),
)


@given(st.lists(STEP, min_size=4, max_size=24))
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
async def test_whatever_waits_for_whatever_all_of_it_ends(steps: list[tuple[str, int]]) -> None:
    """Calls, calls back, half frames that are broken off, callers that give up: no honest call is left behind."""
    served = Served(CallLimits(max_buffered=200_000))
    async with connected(served, **NARROW) as (calls, raw):
        asked: list[asyncio.Task[Any]] = []
        halves: list[BiStream] = []
        for kind, size in steps:
            match kind:
                case "half":
                    halves.append(await soon(begun(raw, size, min(size - 1, 20_000))))
                case "reset" if halves:
                    halves.pop(size % len(halves)).reset()
                case "give up" if asked:
                    asked[size % len(asked)].cancel()
                case "pause":
                    await asyncio.sleep(size / 1000)
                case "size/run" | "back/run" | "echo/run":
                    asked.append(asyncio.create_task(calls.call(kind, "x" * size, timeout=60)))
        for half in halves:
            half.reset()
        ended = await soon(asyncio.gather(*asked, return_exceptions=True))
        assert all(isinstance(end, int | str | asyncio.CancelledError) for end in ended)
        await settled(lambda: served.held == 0 and room_of(served).used == 0)


async def entered(room: Room, size: int) -> "asyncio.Task[None]":
    """What has asked for so much of the room, and has it or waits."""
    task = asyncio.create_task(room.enter(size, stream_pair()[0]))
    await asyncio.sleep(0)
    return task


async def test_who_gives_up_lets_those_behind_go_ahead() -> None:
    room = Room(100, ByteBudget(1000), 30.0, CallCounts())
    await room.enter(60, stream_pair()[0])
    large, small = await entered(room, 80), await entered(room, 30)
    assert (len(room), small.done()) == (2, False)
    large.cancel()
    await asyncio.wait_for(small, 60)
    assert (len(room), room.used) == (0, 90)


async def test_who_is_gone_in_the_moment_of_being_admitted_takes_no_room() -> None:
    room = Room(100, ByteBudget(1000), 30.0, CallCounts())
    await room.enter(60, stream_pair()[0])
    late = await entered(room, 80)
    room.leave(60)
    assert room.used == 80
    late.cancel()
    await asyncio.wait((late,))
    assert (late.cancelled(), room.used) == (True, 0)
