"""Numbers that are put together of several rooms, and what the node says of its index."""

import asyncio
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from node.assembly.health import _index
from node.assembly.numbers import IndexLag, PeerStates
from node.core.index import PeerIndex
from node.core.metrics import MAX_LABELS, OTHER, Kind, Labelled, Meaning, Metrics, counters
from node.core.peers import PeerEntry
from node.core.terms import Term
from node.endpoint.endpoint import Endpoint
from node.endpoint.limits import EndpointLimits
from node.endpoint.registry import HandlerRegistry
from node.store.memory import MemoryIdentityStore
from node.store.sqlite import SqliteStore

NAMES = st.sampled_from([f"peer-{number}" for number in range(5)])
Change = tuple[str, bool | None, bool, bool]
CHANGES = st.lists(st.tuples(NAMES, st.sampled_from([None, True, False]), st.booleans(), st.booleans()), max_size=12)


@settings(max_examples=30, deadline=None)
@given(CHANGES)
def test_peers_counted_by_their_changes_are_as_many_as_there_are(
    changes: list[tuple[str, bool | None, bool, bool]],
) -> None:
    store = MemoryIdentityStore()
    endpoint = _endpoint(store)
    states = PeerStates(store, endpoint)
    ends = {str(number): Term(str(number), f"peer-{number}", "", float(number)) for number in range(2)}
    store.publish(store.index.apply({}, {}, 1, ends))
    for name, enabled, whole, look in changes:
        entry = None if enabled is None else PeerEntry(name, enabled=enabled)
        index = store.index.apply({name: entry}, {}, store.index.generation + 1)
        store.publish(index, None if whole else frozenset({name}))
        if look:
            assert states.counts() == _counted(store.index)
    assert states.counts() == _counted(store.index)


def _endpoint(store: MemoryIdentityStore) -> Endpoint:
    async def make() -> Endpoint:
        return Endpoint(HandlerRegistry([]), store, EndpointLimits())

    return asyncio.run(make())


def _counted(index: PeerIndex) -> dict[str, float]:
    enabled = sum(entry.enabled for entry in index.peers.values())
    expired = sum(name in index.terms.peers and entry.enabled for name, entry in index.peers.items())
    absent = {"connected": 0, "absent": enabled - expired}
    return absent | {"expired": expired, "disabled": len(index.peers) - enabled}


def test_the_time_of_a_change_is_measured_where_it_is_known() -> None:
    store, lag = MemoryIdentityStore(), IndexLag()
    store.subscribe(lag.follow)
    store.publish(PeerIndex(), committed_at=None)
    assert lag.seconds.count == 0
    store.publish(PeerIndex(), committed_at=0.0)
    store.publish(PeerIndex(), committed_at=10.0**12)  # a clock that was set back meanwhile
    assert (lag.seconds.count, lag.seconds.cumulative()[0][1]) == (2, 1)


def test_a_label_never_has_more_values_than_are_told() -> None:
    many = {f"value-{number:03}": 1.0 for number in range(MAX_LABELS + 20)}
    values = Labelled("x", Meaning(Kind.GAUGE, "X."), "label", lambda: many).values()
    assert (len(values), values[OTHER], sum(values.values())) == (MAX_LABELS + 1, 20, len(many))


def test_a_number_without_a_meaning_is_one_of_the_moment() -> None:
    metrics = Metrics()
    metrics.add("room", lambda: {"known": 1, "not_known": 2}, meanings=counters(known="It is known."))
    told = {number.name: (number.meaning.kind, number.meaning.text) for number in metrics.numbers()}
    assert told == {"room.known": (Kind.COUNTER, "It is known."), "room.not_known": (Kind.GAUGE, "Not known.")}


async def test_an_index_that_does_not_follow_its_file_says_why(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "alknet.db")
    await store.start()
    try:
        check = _index(store)
        assert (check.ok, "no list of peers has been read yet: DatabaseMissing" in check.text) == (False, True)
    finally:
        await store.stop()
    assert _index(MemoryIdentityStore()).ok
