"""The index against a slow oracle written from spec core §8: walk the enabled peers in order of their names."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.identity import AuthToken, Identity
from node.core.index import IndexBuilder, IndexProvider, IndexSwap, PeerIndex, Standing, build_index
from node.core.peers import ApiKeyEntry, PeerEntry
from node.core.tokens import hash_token, new_api_key

KEYS = [f"ed25519:{n:064x}" for n in range(6)]
HASHES = [hash_token(f"token {n}") for n in range(3)]
NAMES = ["ann", "bob", "cyd", "dan"]

peers = st.builds(
    PeerEntry,
    peer_id=st.sampled_from(NAMES),
    fingerprints=st.lists(st.sampled_from(KEYS), unique=True, max_size=3).map(tuple),
    auth_token_hash=st.none() | st.sampled_from(HASHES),
    scopes=st.lists(st.sampled_from(["a", "b"]), unique=True).map(tuple),
    enabled=st.booleans(),
)
changes = st.dictionaries(st.sampled_from(NAMES), st.none() | peers, max_size=3).map(
    lambda rows: {name: entry and PeerEntry(**(_fields(entry) | {"peer_id": name})) for name, entry in rows.items()}
)


def _fields(entry: PeerEntry) -> dict[str, object]:
    return {name: getattr(entry, name) for name in PeerEntry.__dataclass_fields__}


def oracle(rows: Iterable[PeerEntry], credential: str) -> Identity | None:
    for entry in sorted(rows, key=lambda row: row.peer_id):
        if entry.enabled and (credential in entry.fingerprints or credential == entry.auth_token_hash):
            return Identity(entry.peer_id, entry.scopes, entry.resources)
    return None


def claims(rows: Iterable[PeerEntry], credential: str) -> int:
    return sum(row.enabled and credential in (*row.fingerprints, row.auth_token_hash) for row in rows)


@given(st.lists(changes, max_size=8))
@settings(max_examples=400)
def test_deltas_give_what_a_full_build_and_the_oracle_give(history: list[dict[str, PeerEntry | None]]) -> None:
    index, rows = PeerIndex(), {}
    for generation, delta in enumerate(history, start=1):
        before = index
        frozen = (dict(before.peers), dict(before.holders))
        index = index.apply(delta, {}, generation)
        rows = {name: entry for name, entry in (rows | delta).items() if entry is not None}
        assert (before.peers, before.holders) == frozen
        assert index == build_index(rows.values(), (), generation)
        assert all(index.resolve_fingerprint(key) == oracle(rows.values(), key) for key in KEYS)


@given(st.lists(peers, unique_by=lambda entry: entry.peer_id), st.randoms())
def test_the_order_of_rows_does_not_matter(rows: list[PeerEntry], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis types its Random as object here
    assert build_index(shuffled) == build_index(rows)


@given(st.lists(peers, max_size=12), st.none() | st.lists(peers, unique_by=lambda entry: entry.peer_id), st.randoms())
@settings(max_examples=600)
def test_of_a_peer_that_is_read_several_times_only_the_last_row_counts(
    rows: list[PeerEntry], previous: list[PeerEntry] | None, random: object
) -> None:
    """As a paged load meets one that is deleted and inserted again meanwhile; `previous` may know some of the rows."""
    random.shuffle(rows)  # type: ignore[attr-defined]  # hypothesis types its Random as object here
    builder = IndexBuilder(None if previous is None else build_index(previous + rows[:2]))
    for entry in rows:
        builder.add_peer(entry)
    last = {entry.peer_id: entry for entry in rows}
    index = builder.finish(5)
    assert index == build_index(last.values(), (), 5)
    assert all(index.holders.get(name) == oracle(last.values(), name) for name in KEYS + HASHES)
    assert set(index.holders) <= {*KEYS, *HASHES}
    assert index.contested == {name for name in KEYS + HASHES if claims(last.values(), name) > 1}


def test_a_key_that_a_reread_peer_lost_goes_to_the_next_who_claims_it() -> None:
    builder = IndexBuilder()
    for entry in (PeerEntry("ann", (KEYS[0],)), PeerEntry("cyd", (KEYS[0],)), PeerEntry("bob", (KEYS[0],))):
        builder.add_peer(entry)
    builder.add_peer(PeerEntry("ann", (KEYS[1],)))
    index = builder.finish(1)
    assert dict(index.holders) == {KEYS[0]: Identity("bob"), KEYS[1]: Identity("ann")}
    assert index.contested == {KEYS[0]}


def test_a_token_names_its_peer() -> None:
    index = build_index([PeerEntry("ann", auth_token_hash=hash_token("secret"), scopes=("a",))])
    assert index.resolve_token(AuthToken(b"secret")) == Identity("ann", ("a",))
    assert index.resolve_token(AuthToken(b"other")) is None


def test_a_disabled_peers_token_falls_through_to_the_api_keys() -> None:
    key = new_api_key()
    index = build_index(
        [PeerEntry("ann", auth_token_hash=hash_token(key), enabled=False)], [ApiKeyEntry(key[:8], hash_token(key))]
    )
    assert index.resolve_token(AuthToken(key.encode())) == Identity(key[:8])


def test_an_api_key_needs_more_than_its_prefix() -> None:
    key = new_api_key()
    index = build_index([], [ApiKeyEntry(key[:8], hash_token(key), ("a",))])
    assert index.resolve_token(AuthToken(key.encode())) == Identity(key[:8], ("a",))
    assert index.resolve_token(AuthToken(key[:8].encode())) is None
    assert index.resolve_token(AuthToken((key + "0").encode())) is None


@pytest.mark.parametrize(("now", "known"), [(99.0, True), (99.999, True), (100.0, False), (101.0, False)])
def test_an_api_key_ends_at_its_expiry(now: float, known: bool) -> None:
    key = new_api_key()
    index = build_index([], [ApiKeyEntry(key[:8], hash_token(key), expires_at=100)])
    assert (index.resolve_token(AuthToken(key.encode()), now) is not None) is known


@given(st.binary(max_size=80))
def test_junk_tokens_resolve_to_nobody(raw: bytes) -> None:
    index = build_index([PeerEntry("ann", auth_token_hash=hash_token("secret"))])
    assert index.resolve_token(AuthToken(raw)) is None


def test_a_fingerprint_is_no_token_and_a_token_hash_no_fingerprint() -> None:
    index = build_index([PeerEntry("ann", (KEYS[0],), hash_token("secret"))])
    assert index.resolve_token(AuthToken(KEYS[0].encode())) is None


@pytest.mark.parametrize(
    ("now", "standing"),
    [
        (PeerEntry("ann", (KEYS[0],), scopes=("new",)), Standing.GOOD),
        (PeerEntry("ann", (KEYS[0],), enabled=False), Standing.DISABLED),
        (PeerEntry("ann", (KEYS[1],)), Standing.REKEYED),
        (PeerEntry("bob", (KEYS[0],)), Standing.REMOVED),
    ],
)
def test_the_standing_of_a_connection_follows_its_peer(now: PeerEntry, standing: Standing) -> None:
    assert build_index([now]).standing("ann", [KEYS[0]]) is standing


def test_a_connection_stands_on_either_name_of_its_key() -> None:
    index = build_index([PeerEntry("ann", (KEYS[1],))])
    assert index.standing("ann", [KEYS[0], KEYS[1]]) is Standing.GOOD


def test_a_publish_takes_effect_before_subscribers_hear_of_it() -> None:
    provider, seen = IndexProvider(), list[tuple[IndexSwap, Identity | None]]()
    provider.subscribe(lambda swap: seen.append((swap, provider.resolve_from_fingerprint(KEYS[0]))))
    provider.publish(build_index([PeerEntry("ann", (KEYS[0],))], (), 7), frozenset({"ann"}), 12.5)
    [(swap, identity)] = seen
    assert identity == Identity("ann")
    assert (swap.old.peers, swap.new.generation, swap.changed, swap.committed_at) == ({}, 7, frozenset({"ann"}), 12.5)
