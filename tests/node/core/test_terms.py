"""The ends of peers and keys against a slow oracle: what is over names nobody, and a delta gives what a build gives."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.identity import AuthToken, Identity
from node.core.index import IndexProvider, IndexSwap, PeerIndex, Standing, build_index
from node.core.peers import PeerEntry
from node.core.span import ALWAYS, Span
from node.core.terms import WHOLE_PEER, Term, Terms, build_terms, term_id
from node.core.tokens import hash_token

KEYS = [f"ed25519:{n:064x}" for n in range(4)]
NAMES = ["ann", "bob", "cyd"]
MOMENTS = [0.0, 5.0, 5.5, 9.0, 20.0]

peers = st.builds(
    PeerEntry,
    peer_id=st.sampled_from(NAMES),
    fingerprints=st.lists(st.sampled_from(KEYS), unique=True, max_size=3).map(tuple),
    enabled=st.booleans(),
)
terms = st.builds(
    Term,
    term_id=st.sampled_from(["1", "2", "3", "4"]),
    peer_id=st.sampled_from(NAMES),
    fingerprint=st.sampled_from([WHOLE_PEER, *KEYS]),
    expires_at=st.sampled_from([5.0, 5.5, 9.0]),
)
moments = st.sampled_from(MOMENTS)
steps = st.tuples(
    st.dictionaries(st.sampled_from(NAMES), st.none() | peers, max_size=2),
    st.dictionaries(st.sampled_from(["1", "2", "3", "4"]), st.none() | terms, max_size=2),
    moments,
)


def named(row: PeerEntry | None, name: str) -> PeerEntry | None:
    return row and PeerEntry(name, row.fingerprints, enabled=row.enabled)


def placed(row: Term | None, name: str) -> Term | None:
    return row and Term(name, row.peer_id, row.fingerprint, row.expires_at)


def over(found: list[Term], peer_id: str, fingerprint: str, now: float) -> bool:
    return any((t.peer_id, t.fingerprint) == (peer_id, fingerprint) and t.expires_at <= now for t in found)


def oracle(rows: list[PeerEntry], found: list[Term], key: str, now: float) -> Identity | None:
    for row in sorted(rows, key=lambda row: row.peer_id):
        ended = over(found, row.peer_id, WHOLE_PEER, now) or over(found, row.peer_id, key, now)
        if row.enabled and key in row.fingerprints and not ended:
            return Identity(row.peer_id)
    return None


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=6))
def test_deltas_and_passing_time_give_what_a_full_build_and_the_oracle_give(history: list[tuple]) -> None:  # type: ignore[type-arg]
    """Time goes forth and back between the deltas, as a clock that is set does."""
    index, rows, found = PeerIndex(), {}, {}
    for generation, (changed, moved, now) in enumerate(history, start=1):
        delta = {name: named(row, name) for name, row in changed.items()}
        ends = {name: placed(row, name) for name, row in moved.items()}
        index = index.at(now).apply(delta, {}, generation, ends, now)
        rows = {name: row for name, row in (rows | delta).items() if row}
        found = {name: row for name, row in (found | ends).items() if row}
        assert index == build_index(rows.values(), (), generation, found.values(), now)
        for moment in MOMENTS:
            later = index.at(moment)
            wanted = {key: oracle(list(rows.values()), list(found.values()), key, moment) for key in KEYS}
            assert {key: later.resolve_fingerprint(key) for key in KEYS} == wanted
            assert (later is index) == index.terms.span.has(moment)
            assert later.at(now) == index


@given(st.lists(terms, unique_by=lambda term: term.term_id), moments, moments)
def test_nothing_changes_within_the_span_and_something_may_at_its_ends(
    found: list[Term], now: float, moment: float
) -> None:
    whole = build_terms(found, now)
    assert whole.span.has(now)
    assert whole.at(moment) == build_terms(found, moment)
    assert (whole.at(moment) is whole) == whole.span.has(moment)
    assert whole.differing(whole.at(moment)) <= {term.peer_id for term in found}
    assert (whole.span == ALWAYS) == (not found)


ANN = PeerEntry("ann", (KEYS[0], KEYS[1]), hash_token("secret"))


@pytest.mark.parametrize(
    ("term", "key", "standing"),
    [
        (Term("1", "ann", WHOLE_PEER, 5.0), KEYS[0], Standing.EXPIRED),
        (Term("1", "ann", KEYS[0], 5.0), KEYS[0], Standing.KEY_EXPIRED),
        (Term("1", "ann", KEYS[0], 5.0), KEYS[1], Standing.GOOD),
        (Term("1", "ann", KEYS[2], 5.0), KEYS[2], Standing.REKEYED),
        (Term("1", "bob", KEYS[0], 5.0), KEYS[0], Standing.GOOD),
    ],
)
def test_a_connection_stands_until_its_peer_or_its_key_ends(term: Term, key: str, standing: Standing) -> None:
    index = build_index([ANN], terms=[term], now=4.9)
    assert index.standing("ann", [key]) is (Standing.REKEYED if key == KEYS[2] else Standing.GOOD)
    assert index.at(5.0).standing("ann", [key]) is standing


def test_a_token_ends_with_its_peer_and_not_with_a_key() -> None:
    token = AuthToken(b"secret")
    ended = build_index([ANN], terms=[Term("1", "ann", KEYS[0], 5.0)], now=5.0)
    assert ended.resolve_token(token) == Identity("ann")
    assert build_index([ANN], terms=[Term("1", "ann", WHOLE_PEER, 5.0)], now=5.0).resolve_token(token) is None


def test_a_key_that_two_peers_claim_goes_to_the_other_when_it_ends_with_the_first() -> None:
    rows = [PeerEntry("ann", (KEYS[0],)), PeerEntry("bob", (KEYS[0],))]
    index = build_index(rows, terms=[Term("1", "ann", KEYS[0], 5.0)], now=4.0)
    assert (index.resolve_fingerprint(KEYS[0]), index.contested) == (Identity("ann"), {KEYS[0]})
    later = index.at(5.0)
    assert (later.resolve_fingerprint(KEYS[0]), later.contested) == (Identity("bob"), frozenset())
    assert later.standing("ann", [KEYS[0]]) is Standing.KEY_EXPIRED


def test_what_ended_before_an_index_is_published_names_nobody_from_the_start() -> None:
    """A full load judges at its begin, and may take a while."""
    provider, swaps = IndexProvider(), list[IndexSwap]()
    provider.subscribe(swaps.append)
    late = build_index([ANN], terms=[Term("1", "ann", WHOLE_PEER, 5.0)], now=4.0)
    assert late.resolve_fingerprint(KEYS[0]) == Identity("ann")
    provider.publish(late, frozenset(), 4.5)
    assert provider.resolve_from_fingerprint(KEYS[0]) is None
    assert (swaps[0].changed, swaps[0].committed_at) == ({"ann"}, 4.5)


def test_the_clock_has_one_span_of_locks_and_terms() -> None:
    provider, armed = IndexProvider(), list[Span]()
    provider.rearm_with(lambda: armed.append(provider.span))
    end = time.time() + 100
    provider.publish(build_index([ANN], terms=[Term("1", "ann", KEYS[0], end)]))
    assert (provider.span.end, armed) == (end, [provider.span])
    provider.publish(provider.index.apply({"bob": PeerEntry("bob")}, {}, 2), frozenset({"bob"}))
    assert len(armed) == 1
    provider.publish(provider.index.apply({}, {}, 3, {"1": None}), frozenset({"ann"}))
    assert (provider.span, len(armed)) == (ALWAYS, 2)


def test_a_row_has_one_id_for_each_peer_and_each_key_of_a_peer() -> None:
    ids = {term_id(name, key) for name in [*NAMES, f"{KEYS[0]} ann"] for key in [WHOLE_PEER, *KEYS]}
    assert len(ids) == 4 * 5
    assert build_terms([], 5.0) == Terms()
