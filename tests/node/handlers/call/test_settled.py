"""Which streams of answered calls are left open, and for how long."""

from typing import Any

import pytest

from node.core.connection import BiStream
from node.core.errors import StreamClosed
from node.core.tasks import TaskSet
from node.handlers.call.allowance import Allowances
from node.handlers.call.lane import Lane
from node.handlers.call.limits import CallLimits
from node.handlers.call.settled import MAX_LANES, MAX_SHARED, Settled
from tests.support.streams import stream_pair

LIMITS = CallLimits()


def lane() -> tuple[Lane, BiStream]:
    ours, theirs = stream_pair()
    return Lane(ours, LIMITS, Allowances(LIMITS).of_peer(), TaskSet()), theirs


async def is_open(theirs: BiStream) -> bool:
    try:
        await theirs.write(b"x")
    except StreamClosed:
        return False
    return True


async def test_of_too_many_streams_the_oldest_is_given_up() -> None:
    settled = Settled([].append)
    lanes = [lane() for _ in range(MAX_LANES + 2)]
    for number, (ours, _) in enumerate(lanes):
        settled.add(str(number), ours)
    assert len(settled) == MAX_LANES
    assert [await is_open(theirs) for _, theirs in lanes] == [False] * 2 + [True] * MAX_LANES


async def test_on_a_shared_stream_more_is_remembered_and_nothing_given_up() -> None:
    aborted: list[str] = []
    settled, (shared, theirs) = Settled(aborted.append), lane()
    shared.only = True
    for number in range(MAX_SHARED + 2):
        settled.add(str(number), shared)
    assert len(settled) == MAX_SHARED
    for request_id in ("0", str(MAX_SHARED)):
        settled.went_on(request_id)
    assert (aborted, await is_open(theirs)) == ([str(MAX_SHARED)], True)
    settled.ended(shared)
    assert len(settled) == 0


@pytest.mark.parametrize(("told", "says"), [("went_on", ["a"]), ("over", [])])
async def test_more_of_it_is_aborted_once_and_its_end_is_not(told: str, says: list[Any]) -> None:
    aborted: list[str] = []
    settled, (ours, theirs) = Settled(aborted.append), lane()
    settled.add("a", ours)
    for _ in range(2):
        getattr(settled, told)("a")
    settled.went_on("a")
    assert (aborted, len(settled), await is_open(theirs)) == (says, 0, False)


async def test_a_stream_that_has_ended_is_not_kept() -> None:
    settled, (ours, _) = Settled([].append), lane()
    ours.end()
    settled.add("a", ours)
    assert len(settled) == 0
