"""A lock, a peer and a key end when their time has come, whatever the clocks of the machine do meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from node.core.identity import Identity
from node.core.index import IndexProvider, IndexSwap, PeerIndex, build_index
from node.core.lock_provider import LockProvider
from node.core.locks import NOTHING_HELD, Lock, LockIndex, LockKind
from node.core.peers import PeerEntry
from node.core.terms import Term
from node.end_clock import EndClock
from tests.support.eventually import eventually


class Wall:
    """The wall clock, which can be set."""

    def __init__(self) -> None:
        self.offset = 0.0
        self._time = time.time

    def time(self) -> float:
        return self._time() + self.offset


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    wall = Wall()
    monkeypatch.setattr(time, "time", wall.time)
    return wall


@pytest.fixture
async def locked(wall: Wall) -> AsyncIterator[LockProvider]:
    """Followed by a clock."""
    provider, clock = LockProvider(), None
    clock = EndClock(provider)
    clock.start()
    yield provider
    clock.stop()
    clock.stop()


def until(end: float | None) -> LockIndex:
    return LockIndex({"1": Lock("1", LockKind.EVERYTHING, expires_at=end)})


async def test_a_lock_ends_by_itself_and_not_before(locked: LockProvider) -> None:
    end = time.time() + 0.05
    ended: list[float] = []
    locked.subscribe_locks(lambda swap: ended.append(swap.swapped_at) if swap.new is NOTHING_HELD else None)
    locked.publish_locks(until(end))
    assert locked.held.everything is not None
    await eventually(lambda: locked.held is NOTHING_HELD)
    assert ended[0] >= end


async def test_a_nearer_end_that_comes_later_is_met(locked: LockProvider) -> None:
    locked.publish_locks(until(time.time() + 3600))
    locked.publish_locks(until(time.time() + 0.05))
    await eventually(lambda: locked.held is NOTHING_HELD)


async def test_a_clock_that_is_set_is_followed_both_ways(
    locked: LockProvider, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.end_clock.LOOK_EVERY", 0.01)
    locked.publish_locks(until(time.time() + 3600))
    wall.offset = 3601.0
    await eventually(lambda: locked.held is NOTHING_HELD)
    wall.offset = 0.0
    await eventually(lambda: locked.held.everything is not None)


async def test_without_an_end_no_timer_runs(locked: LockProvider) -> None:
    loop = asyncio.get_running_loop()
    before = len([timer for timer in vars(loop)["_scheduled"] if not timer.cancelled()])
    locked.publish_locks(until(None))
    locked.publish_locks(LockIndex())
    assert len([timer for timer in vars(loop)["_scheduled"] if not timer.cancelled()]) == before


KEY, OLD = (f"ed25519:{number:064x}" for number in range(2))


@pytest.fixture
async def indexed(wall: Wall, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[IndexProvider]:
    """The same of a provider that has peers."""
    monkeypatch.setattr("node.end_clock.LOOK_EVERY", 0.01)
    provider = IndexProvider()
    clock = EndClock(provider)
    clock.start()
    yield provider
    clock.stop()


def ending(*terms: Term) -> PeerIndex:
    return build_index([PeerEntry("ann", (KEY, OLD))], terms=terms)


async def test_a_peer_ends_by_itself_and_its_subscribers_hear_of_it(indexed: IndexProvider) -> None:
    swaps: list[IndexSwap] = []
    end = time.time() + 0.05
    indexed.publish(ending(Term("1", "ann", "", end)))
    indexed.subscribe(swaps.append)
    assert indexed.resolve_from_fingerprint(KEY) == Identity("ann")
    await eventually(lambda: indexed.resolve_from_fingerprint(KEY) is None)
    assert [(swap.changed, swap.committed_at) for swap in swaps] == [({"ann"}, None)]
    assert swaps[0].swapped_at >= end


async def test_an_old_key_ends_alone_and_comes_back_with_a_clock_that_is_set_back(
    indexed: IndexProvider, wall: Wall
) -> None:
    indexed.publish(ending(Term("1", "ann", OLD, time.time() + 3600)))
    wall.offset = 3601.0
    await eventually(lambda: indexed.resolve_from_fingerprint(OLD) is None)
    assert indexed.resolve_from_fingerprint(KEY) == Identity("ann")
    wall.offset = 0.0
    await eventually(lambda: indexed.resolve_from_fingerprint(OLD) == Identity("ann"))


async def test_one_clock_serves_locks_and_terms(indexed: IndexProvider, wall: Wall) -> None:
    indexed.publish(ending(Term("1", "ann", "", time.time() + 100)))
    indexed.publish_locks(until(time.time() + 50))
    wall.offset = 51.0
    await eventually(lambda: indexed.held is NOTHING_HELD)
    assert indexed.resolve_from_fingerprint(KEY) == Identity("ann")
    wall.offset = 101.0
    await eventually(lambda: indexed.resolve_from_fingerprint(KEY) is None)
