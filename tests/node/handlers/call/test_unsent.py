"""A peer that does not read what it asked for: what its answers may have a node hold (ADR 0033)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.handlers.call.budget import ByteBudget
from node.handlers.call.counts import CallCounts
from node.handlers.call.errors import CallError
from node.handlers.call.limits import CallLimits
from node.handlers.call.unsent import Unsent
from tests.support.bounded import MIB, Served, connected
from tests.support.quic import settled, soon
from tests.support.raw_call import RawCaller, read_event

NARROW = {
    "write_high_water": 16_384,
    "max_write_high_water": 16_384,
    "stream_window": 16_384,
    "max_stream_window": 16_384,
}


async def ask(raw: RawCaller, count: int, size: int, operation: str = "fill/run") -> list:
    """So many requests for outputs of `size` bytes each, on streams that nobody reads."""
    payload = {"operationId": f"/{operation}", "input": size}
    return [await soon(raw.request(str(number), payload)) for number in range(count)]


def unsent(served: Served) -> int:
    [calls] = served.calls
    return calls._allowance.unsent.budget.used


async def test_no_handler_begins_for_a_peer_that_has_much_unread() -> None:
    served = Served(CallLimits(max_buffered=MIB))
    async with connected(served, **NARROW) as (_, raw):
        streams = await ask(raw, 20, 300_000)
        await settled(lambda: served.counts.held_back == 16)
        assert served.begun == 4
        assert unsent(served) < 2 * MIB
        for stream in streams:  # once it reads, all of them are answered
            assert len((await soon(read_event(stream)))["payload"]["output"]) == 300_000
        assert served.begun == 20


async def test_after_the_time_limit_the_streams_are_given_up_and_others_go_on() -> None:
    served = Served(CallLimits(max_buffered=MIB, stall_timeout=0.4))
    async with connected(served, **NARROW) as (calls, raw):
        await ask(raw, 4, 300_000)
        await settled(lambda: unsent(served) > MIB)
        assert await soon(calls.call("echo/run", 1)) == 1
        await settled(lambda: served.counts.stalled == 4 and served.held == 0)
        assert served.counts.held_back == 1


async def test_who_is_held_back_too_long_is_told_and_may_ask_again() -> None:
    counts = CallCounts()
    unread = Unsent(ByteBudget(10_000), 5_000, 0.01, counts)
    done = unread.answer(6_000)
    with pytest.raises(CallError, match="not read yet") as refused:
        await unread.ready()
    assert (refused.value.retryable, counts.held_back, counts.unread_timeouts) == (True, 1, 1)
    assert done is not None
    done()
    await unread.ready()


@pytest.mark.parametrize("operation", ["fill/run", "fill/fail"])
async def test_handlers_that_end_together_are_refused_above_the_bound(operation: str) -> None:
    """All of them had begun before there was anything to read. Errors are answers too."""
    served = Served(CallLimits(max_unsent=MIB))
    served.release.clear()
    async with connected(served, **NARROW) as (_, raw):
        streams = await ask(raw, 20, 300_000, operation)
        await settled(lambda: served.begun == 20)
        served.release.set()
        await settled(lambda: served.counts.refused_answers == 17)
        assert unsent(served) <= MIB
        told = [(await soon(read_event(stream)))["payload"] for stream in streams]
        errors = [payload for payload in told if payload.get("code") == "INTERNAL"]
        assert len(errors) == 17
        assert all(error["retryable"] and "details" not in error for error in errors)


async def test_what_all_connections_have_unread_is_bounded_too() -> None:
    served = Served(CallLimits(max_buffered_total=MIB))
    served.release.clear()
    async with connected(served, **NARROW) as (_, raw):
        await ask(raw, 6, 300_000)
        await settled(lambda: served.begun == 6)
        served.release.set()
        await settled(lambda: served.counts.refused_answers == 3)


async def test_a_request_that_is_aborted_in_the_middle_of_its_answer_counts_until_that_is_gone() -> None:
    served = Served(CallLimits(stall_timeout=0.5))
    async with connected(served, **NARROW) as (_, raw):
        await ask(raw, 1, 2 * MIB)
        await settled(lambda: unsent(served) > 2 * MIB)
        await raw.send({"type": "call.aborted", "id": "0", "payload": {}})
        await settled(lambda: not any(calls._inbound for calls in served.calls))
        assert unsent(served) > 2 * MIB
        await settled(lambda: served.held == 0)


async def test_unread_items_keep_no_other_request_from_its_answer() -> None:
    """Its reader may well make another call before it takes the next item."""
    served = Served(CallLimits(max_buffered=65_536))
    served.release.clear()
    async with connected(served, **NARROW) as (calls, raw):
        await raw.request("1", {"operationId": "/fill/on", "input": "x" * 500_000})
        await settled(lambda: unsent(served) > 500_000)
        assert await soon(calls.call("echo/run", "y")) == "y"
        assert served.counts.held_back == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3000), st.booleans()), max_size=30))
def test_what_is_counted_is_given_back_whatever_was_refused(steps: list[tuple[bool, int, bool]]) -> None:
    counts = CallCounts()
    unread = Unsent(ByteBudget(10_000), 5_000, 1.0, counts)
    open_: list = []
    refused = 0
    for answers, size, ends in steps:
        try:
            done = (unread.answer if answers else unread.item)(size)
        except CallError:
            refused += 1
        else:
            open_.append(done)
        if ends and open_ and (done := open_.pop(0)) is not None:
            done()
    assert counts.refused_answers == refused
    for done in open_:
        if done is not None:
            done()
    assert (unread.budget.used, unread._of_calls) == (0, 0)
