"""Grants against a slow oracle: what is in force adds to its peer, deltas give what a build gives, an end ends."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.access import AccessControl
from node.core.grants import MAX_CARRIED, Carried, Grant, build_grants, with_grants
from node.core.identity import AuthToken, Identity
from node.core.index import IndexProvider, IndexSwap, PeerIndex, build_index
from node.core.locks import Lock, LockIndex, LockKind
from node.core.peers import PeerEntry
from node.core.span import ALWAYS
from node.core.terms import Term
from node.core.tokens import hash_token

KEY = f"ed25519:{1:064x}"
NAMES = ["ann", "bob"]
MOMENTS = [0.0, 5.0, 5.5, 9.0, 20.0]
IDS = ["1", "2", "3"]
scopes = st.lists(st.sampled_from("abc"), unique=True, max_size=2).map(tuple)
peers = st.builds(
    PeerEntry,
    peer_id=st.sampled_from(NAMES),
    fingerprints=st.just((KEY,)),
    scopes=scopes,
    resources=st.dictionaries(st.just("repo"), scopes),
    enabled=st.booleans(),
)
grants = st.builds(
    lambda name, peer, given, resource, end: Grant(name, peer, given, *resource, end),
    st.sampled_from(IDS),
    st.sampled_from(NAMES),
    scopes,
    st.sampled_from([("", ""), ("repo", "a"), ("box", "b")]),
    st.sampled_from([5.0, 5.5, 9.0]),
)
moments = st.sampled_from(MOMENTS)
steps = st.tuples(st.lists(peers, max_size=2), st.dictionaries(st.sampled_from(IDS), st.none() | grants), moments)


def rights(entry: PeerEntry, found: list[Grant], now: float) -> tuple[set[str], set[tuple[str, str]]]:
    own = {(kind, name) for kind, names in entry.resources.items() for name in names}
    mine = [one for one in found if one.peer_id == entry.peer_id and now < one.expires_at]
    return (
        set(entry.scopes).union(*(one.scopes for one in mine)),
        own | {(one.resource_type, one.resource) for one in mine if one.resource_type},
    )


def held(identity: Identity) -> tuple[set[str], set[tuple[str, str]]]:
    return set(identity.scopes), {(kind, name) for kind, names in identity.resources.items() for name in names}


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=5))
def test_deltas_and_passing_time_give_what_a_full_build_and_the_oracle_give(history: list[tuple]) -> None:  # type: ignore[type-arg]
    index, rows, found = PeerIndex(), dict[str, PeerEntry](), dict[str, Grant]()
    for generation, (changed, granted, now) in enumerate(history, start=1):
        delta = {row.peer_id: row for row in changed}
        moved = {name: row and Grant(name, *_rest(row)) for name, row in granted.items()}
        index = index.at(now).apply(delta, {}, generation, None, now, moved)
        rows |= delta
        found = {name: row for name, row in (found | moved).items() if row}
        assert index == build_index(rows.values(), (), generation, (), now, found.values())
        for moment in MOMENTS:
            later = index.at(moment)
            for name, row in rows.items():
                identity = later.identity_of(name)
                assert (identity is not None) is row.enabled
                assert identity is None or held(identity) == rights(row, list(found.values()), moment)
                assert identity is None or (identity.own or identity) == row.identity()
            holder = later.resolve_fingerprint(KEY)
            assert holder is None or holder == later.identity_of(holder.id)
            assert (later is index) == index.grants.span.has(moment)
            assert later.at(now) == index
            assert index.grants.differing(later.grants) <= {one.peer_id for one in found.values()}


def _rest(row: Grant) -> tuple[str, tuple[str, ...], str, str, float]:
    return row.peer_id, row.scopes, row.resource_type, row.resource, row.expires_at


ANN = PeerEntry("ann", (KEY,), hash_token("secret"), scopes=("a",), resources={"repo": ("x",)})
B = Grant("1", "ann", ("a", "b"), "repo", "y", 5.0)


def test_a_grant_adds_to_keys_and_tokens_and_what_gives_nothing_leaves_no_trace() -> None:
    index = build_index([ANN], now=4.0, grants=[B])
    own = Identity("ann", ("a",), {"repo": ("x",)})
    granted = Identity("ann", ("a", "b"), {"repo": ("x", "y")}, own=own)
    assert index.resolve_fingerprint(KEY) == index.resolve_token(AuthToken(b"secret")) == granted
    assert granted.to_json().keys() == {"id", "scopes", "resources"}
    assert index.at(5.0).resolve_fingerprint(KEY) == own
    assert with_grants(own, {"ann": (Grant("2", "ann", ("a",), "repo", "x", 9.0),)}) is own
    assert with_grants(own, {"bob": (B,)}) is own
    assert build_grants([B], 4.0).span.end == 5.0
    assert build_grants([], 4.0).span == ALWAYS


def test_whoever_may_not_connect_gets_nothing_by_a_grant() -> None:
    for rows, ends in (([], ()), ([PeerEntry("ann", (KEY,), enabled=False)], ()), ([ANN], [Term("1", "ann", "", 3.0)])):
        index = build_index(rows, terms=ends, now=4.0, grants=[B])
        assert (index.resolve_fingerprint(KEY), index.identity_of("ann")) == (None, None)


def test_what_was_granted_can_be_locked_and_a_lock_never_mistakes_one_identity_for_another() -> None:
    provider = IndexProvider()
    provider.publish_locks(LockIndex({"1": Lock("1", LockKind.SCOPE, "z")}))
    far = time.time() + 100
    for own, more in ((("a",), ("b",)), (("a", "b"), ())):
        provider.publish(
            build_index([PeerEntry("ann", (KEY,), scopes=own)], grants=[Grant("1", "ann", more, "", "", far)])
        )
        found = provider.resolve_from_fingerprint(KEY)
        assert found is not None
        assert (found.scopes, found.own is None) == (("a", "b"), not more)
    provider.publish(build_index([ANN], grants=[Grant("1", "ann", ("z",), "", "", far)]))
    found = provider.resolve_from_fingerprint(KEY)
    assert found is not None
    assert found.scopes == ("a",)


def test_what_somebody_is_without_grants_is_without_what_is_locked_as_well() -> None:
    held = LockIndex({"1": Lock("1", LockKind.SCOPE, "b", "no")}).held(0.0)
    either = AccessControl(required_scopes_any=("a", "b"))
    for own, more, alone, kept in (
        (("b",), ("b", "a"), Identity("ann"), ("a",)),
        (("b", "c"), ("b", "c", "a"), Identity("ann", ("c",)), ("c", "a")),
        (("a",), ("a", "b"), None, ("a",)),  # all that was granted is locked
        (("c",), ("c", "a"), Identity("ann", ("c",)), ("c", "a")),
    ):
        found = held.resolved(Identity("ann", more, own=Identity("ann", own)))
        assert found == Identity("ann", kept, own=alone)
        carried = Carried()
        carried.note(found, either)
        assert bool(carried) is (alone is not None)


def test_a_grant_that_is_over_is_told_as_a_change_of_its_peer() -> None:
    provider, swaps = IndexProvider(), list[IndexSwap]()
    provider.subscribe(swaps.append)
    end = time.time() + 0.02
    provider.publish(build_index([ANN], grants=[Grant("1", "ann", ("b",), "", "", end)]))
    assert provider.span.end == end
    while time.time() < end:
        time.sleep(0.005)
    provider.keep_time()
    assert swaps[-1].changed == {"ann"}
    assert provider.resolve_from_fingerprint(KEY) == ANN.identity()


NEEDS = AccessControl(("b",))


@pytest.mark.parametrize(
    ("own", "now", "who"),
    [
        (("a",), ("a",), "ann"),
        (("a",), ("a", "b"), None),
        (("a", "b"), ("a",), None),
    ],
)
def test_a_connection_is_carried_by_what_it_could_not_do_alone(
    own: tuple[str, ...], now: tuple[str, ...], who: str | None
) -> None:
    carried = Carried()
    carried.note(Identity("ann", ("a", "b", "c"), own=Identity("ann", own)), NEEDS)
    assert bool(carried) is ("b" not in own)
    assert carried.ended({"bob": None}) is None
    assert carried.ended({"ann": Identity("ann", now)}) == who


def test_one_that_was_let_through_to_very_much_counts_as_carried_to_everything() -> None:
    carried, own = Carried(), Identity("ann")
    for number in range(MAX_CARRIED + 5):
        carried.note(Identity("ann", (f"s{number}",), own=own), AccessControl((f"s{number}",)))
    everything = Identity("ann", tuple(f"s{number}" for number in range(MAX_CARRIED + 5)))
    assert carried.ended({"ann": everything}) == "ann"
    assert len(carried._asked) == MAX_CARRIED + 1
