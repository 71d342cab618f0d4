"""Peers from a file: checked as a whole, replaced as a whole, or left as they were."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.core.identity import AuthToken, Identity
from node.core.index import IndexSwap
from node.core.peers import ApiKeyEntry, PeerEntry
from node.core.tokens import hash_token, new_api_key
from node.store import policy
from node.store.memory import MemoryIdentityStore
from node.store.policy import AuthPolicy, PolicyError, load_peers_file, parse_policy

KEY = f"ed25519:{1:064x}"
OTHER_KEY = f"ed25519:{2:064x}"
API_KEY = new_api_key()
HASH = hash_token(API_KEY)

GOOD = f"""
[[peers]]
peer_id = "ann"
fingerprints = ["{KEY}"]
scopes = ["a", "b"]
resources = {{ repo = ["web"] }}

[[peers]]
peer_id = "bob"
fingerprints = ["{OTHER_KEY}"]
enabled = false

[[api_keys]]
prefix = "{API_KEY[:8]}"
hash = "{HASH}"
scopes = ["k"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "peers.toml"
    path.write_text(GOOD)
    return path


def test_a_file_gives_its_peers_and_api_keys(file: Path) -> None:
    store = MemoryIdentityStore.from_file(file)
    assert store.resolve_from_fingerprint(KEY) == Identity("ann", ("a", "b"), {"repo": ("web",)})
    assert store.resolve_from_fingerprint(OTHER_KEY) is None
    assert store.resolve_from_token(AuthToken(API_KEY.encode())) == Identity(API_KEY[:8], ("k",))


def test_a_reload_replaces_everything_and_tells(file: Path) -> None:
    store = MemoryIdentityStore.from_file(file)
    swaps: list[IndexSwap] = []
    store.subscribe(swaps.append)
    file.write_text(f'[[peers]]\npeer_id = "cyd"\nfingerprints = ["{KEY}"]\n')
    store.reload()
    assert store.resolve_from_fingerprint(KEY) == Identity("cyd")
    assert store.resolve_from_token(AuthToken(API_KEY.encode())) is None
    assert [swap.changed for swap in swaps] == [None]


@pytest.mark.parametrize("content", ["not [toml", '[[peers]]\npeer_id = ""', "\x00", "peers = 7"])
def test_a_bad_file_leaves_the_peers_as_they_were(file: Path, caplog: pytest.LogCaptureFixture, content: str) -> None:
    store = MemoryIdentityStore.from_file(file)
    before = store.index
    file.write_text(content)
    store.reload()
    assert store.index is before
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_file_that_is_gone_leaves_the_peers_as_they_were(file: Path) -> None:
    store = MemoryIdentityStore.from_file(file)
    before = store.index
    file.unlink()
    store.reload()
    assert store.index is before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[[peers]]\npeer_id = "a"\n[[peers]]\npeer_id = "a"', "duplicate peer_id: a"),
        (
            f'[[peers]]\npeer_id = "a"\nfingerprints = ["{KEY}"]\n[[peers]]\npeer_id = "b"\nfingerprints = ["{KEY}"]',
            f"duplicate fingerprint: {KEY}",
        ),
        (
            f'[[peers]]\npeer_id = "a"\nauth_token_hash = "{HASH}"\n'
            f'[[peers]]\npeer_id = "b"\nauth_token_hash = "{HASH}"',
            "duplicate auth_token_hash",
        ),
        (
            f'[[api_keys]]\nprefix = "alk_aaaa"\nhash = "{HASH}"\n[[api_keys]]\nprefix = "alk_aaaa"\nhash = "{HASH}"',
            "duplicate api key prefix: alk_aaaa",
        ),
        ('[[peers]]\npeer_id = "a"\nfingerprint = "x"', "peers 1 ('a'): peer: unknown field 'fingerprint'"),
        ('[[api_keys]]\nprefix = "alk_aaaa"\nkey = "x"', "api_keys 1 ('alk_aaaa'): unknown field 'key'"),
        ('[[api_keys]]\nprefix = "alk_aaaa"', "An API key needs its hash."),
        ('[[peers]]\npeer_id = "a"\n[[peers]]\npeer_id = " "', "peers 2 (' '): "),
        ("[[peer]]", "unknown key 'peer'"),
        ("[peers]", "peers is a list of tables: write [[peers]]"),
        ("peers = [1]", "peers is a list of tables: write [[peers]]"),
        ("[[peers]", "not TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place_and_cause(file: Path, content: str, message: str) -> None:
    file.write_text(content)
    with pytest.raises(PolicyError) as error:
        load_peers_file(file)
    assert str(error.value).startswith(f"{file}: ")
    assert message in str(error.value)


def test_files_that_cannot_be_text_or_are_too_long_are_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_bytes(b"\xff")
    with pytest.raises(PolicyError, match="not TOML"):
        load_peers_file(file)
    monkeypatch.setattr(policy, "MAX_PEERS_FILE", 10)
    file.write_text(GOOD)
    with pytest.raises(PolicyError, match="longer than 10 bytes"):
        load_peers_file(file)
    with pytest.raises(PolicyError, match="Is a directory"):
        load_peers_file(file.parent)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["peer_id", "scopes", "x"]), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["peers", "api_keys", "other"]), json_like))
def test_any_other_shape_is_refused_cleanly(values: dict[str, object]) -> None:
    try:
        parsed = parse_policy(values)
    except PolicyError:
        return
    assert all(isinstance(peer, PeerEntry) for peer in parsed.peers)
    assert all(isinstance(key, ApiKeyEntry) for key in parsed.api_keys)


def test_a_store_without_a_file_starts_empty_and_has_nothing_to_reload() -> None:
    store = MemoryIdentityStore(AuthPolicy((PeerEntry("ann", (KEY,)),)))
    store.reload()
    assert store.resolve_from_fingerprint(KEY) == Identity("ann")
    assert not MemoryIdentityStore().index.peers
