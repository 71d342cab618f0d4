from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.core.peers import InvalidPeer, PeerEntry, api_key_entry, peer_entry

FINGERPRINT = "ed25519:" + "0a" * 32
HASH = "sha256:" + "b" * 64


def test_a_whole_row_becomes_an_entry() -> None:
    row = {
        "peer_id": "alice",
        "fingerprints": [FINGERPRINT],
        "auth_token_hash": HASH,
        "scopes": ["relay:connect"],
        "resources": {"repo": ["web", "docs"]},
        "display_name": "Alice's laptop",
        "enabled": 0,
    }
    assert peer_entry(row) == PeerEntry(
        "alice",
        (FINGERPRINT,),
        HASH,
        ("relay:connect",),
        {"repo": ("web", "docs")},
        "Alice's laptop",
        enabled=False,
    )


def test_a_name_is_enough() -> None:
    assert peer_entry({"peer_id": "alice"}) == PeerEntry("alice")


def test_scripts_and_emoji_that_join_their_signs_are_text() -> None:
    joined = "\U0001f469\u200d\U0001f4bb \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    assert peer_entry({"peer_id": joined, "display_name": joined}).peer_id == joined


def test_names_of_resources_have_room() -> None:
    longest = "x" * 255
    assert peer_entry({"peer_id": "alice", "resources": {longest: [longest]}}).resources == {longest: (longest,)}


WRONG: list[tuple[str, Any]] = [
    ("peer_id", ""),
    ("peer_id", None),
    ("peer_id", " alice"),
    ("peer_id", "a\nb"),
    ("peer_id", "a" * 256),
    ("peer_id", "."),
    ("peer_id", ".."),
    ("peer_id", "gnp.\u202eexe"),
    ("peer_id", "lap\u00adtop"),
    ("peer_id", "\u200b"),
    ("peer_id", "laptop\U000e0041"),
    ("display_name", "Ann\u2066's"),
    ("scopes", ["a\ufeff"]),
    ("fingerprints", ["ed25519:xyz"]),
    ("fingerprints", FINGERPRINT),
    ("fingerprints", [FINGERPRINT, FINGERPRINT]),
    ("fingerprints", [1]),
    ("auth_token_hash", "sha256:short"),
    ("auth_token_hash", "a token in the clear"),
    ("scopes", ["two words"]),
    ("scopes", [""]),
    ("scopes", ["a,b"]),
    ("scopes", ["a", "a"]),
    ("scopes", {"a": 1}),
    ("scopes", [f"s{n}" for n in range(10_000)]),
    ("scopes", ["x" * 256]),
    ("resources", ["repo"]),
    ("resources", {"repo": "web"}),
    ("resources", {"repo": [1]}),
    ("resources", {"": ["web"]}),
    ("resources", {"repo": [""]}),
    ("resources", {"repo": ["x" * 256]}),
    ("resources", {"x" * 256: ["web"]}),
    ("display_name", "two\nlines"),
    ("display_name", 7),
    ("enabled", "yes"),
    ("enabled", None),
]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_wrong_field_is_named(field: str, value: Any) -> None:
    with pytest.raises(InvalidPeer) as caught:
        peer_entry({"peer_id": "alice", field: value})
    assert list(caught.value.errors) == [field]


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(InvalidPeer) as caught:
        peer_entry({"peer_id": "", "scopes": ["a b"], "resources": 3, "colour": "red"})
    assert set(caught.value.errors) == {"peer_id", "scopes", "resources", "peer"}


def test_no_message_repeats_a_token() -> None:
    with pytest.raises(InvalidPeer) as caught:
        peer_entry({"peer_id": "alice", "auth_token_hash": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_hashes_stay_out_of_reprs() -> None:
    assert HASH not in repr(peer_entry({"peer_id": "alice", "auth_token_hash": HASH}))
    assert HASH not in repr(api_key_entry({"prefix": "alk_abcd", "hash": HASH}))


def test_the_last_expiry_is_a_moment_of_the_calendar() -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    entry = api_key_entry({"prefix": "alk_abcd", "hash": HASH, "expires_at": int(last.timestamp())})
    assert datetime.fromtimestamp(entry.expires_at or 0, UTC) == last


WRONG_KEY: list[tuple[str, Any]] = [
    ("prefix", "abcd"),
    ("prefix", "alk_abcde"),
    ("hash", None),
    ("hash", "x"),
    ("expires_at", -1),
    ("expires_at", 253_402_300_800),
    ("expires_at", 2**70),
    ("scopes", [" "]),
]


@pytest.mark.parametrize(("field", "value"), WRONG_KEY)
def test_a_wrong_api_key_field_is_named(field: str, value: Any) -> None:
    with pytest.raises(InvalidPeer) as caught:
        api_key_entry({"prefix": "alk_abcd", "hash": HASH, field: value})
    assert list(caught.value.errors) == [field]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = ["peer_id", "fingerprints", "auth_token_hash", "scopes", "resources", "display_name", "enabled"]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_no_row_raises_anything_but_invalid_peer(row: dict[str, Any]) -> None:
    try:
        entry = peer_entry(row)
    except InvalidPeer as error:
        assert error.errors
    else:
        assert entry.peer_id == row["peer_id"]
