"""From pasted text to fingerprints, against the spelling of known keys."""

from hypothesis import given
from hypothesis import strategies as st

from apps.peers.drafts import draft_of, entry_from, split_keys, split_scopes
from node.core.peers import PeerEntry
from tests.support.panel import fingerprint, pem, ssh_line, token_hash

NAMES = st.integers(0, 50)
SPELLINGS = st.sampled_from([fingerprint, ssh_line, pem, lambda name: f"  {ssh_line(name)} someone@somewhere  "])
NOISE = st.sampled_from(["", "\n", "\n\n", "\n# a comment\n", "\r\n"])


@given(st.lists(st.tuples(NAMES, SPELLINGS, NOISE), max_size=20))
def test_any_mix_of_spellings_gives_each_key_once_in_order(parts: list) -> None:
    text = "".join(f"{spell(name)}\n{noise}" for name, spell, noise in parts)
    expected = tuple(dict.fromkeys(fingerprint(name) for name, _, _ in parts))

    assert entry_from({"peer_id": "p", "keys": split_keys(text)}).fingerprints == expected


@given(
    st.lists(st.text("abc:*-", min_size=1, max_size=5), max_size=20), st.sampled_from([",", "\n", ", ", ",\n", "\r\n"])
)
def test_scopes_part_at_lines_and_commas(scopes: list[str], between: str) -> None:
    assert split_scopes(between.join(scopes)) == scopes


@given(
    st.builds(
        PeerEntry,
        peer_id=st.just("p"),
        fingerprints=st.lists(NAMES.map(fingerprint), unique=True, max_size=5).map(tuple),
        auth_token_hash=st.none() | NAMES.map(token_hash),
        scopes=st.lists(st.text("abc", min_size=1), unique=True).map(tuple),
        resources=st.dictionaries(st.text("ab", min_size=1), st.lists(st.text("xy", min_size=1)).map(tuple)),
        display_name=st.none() | st.text("Name", min_size=1),
        enabled=st.booleans(),
    )
)
def test_a_draft_of_an_entry_gives_it_again(entry: PeerEntry) -> None:
    assert entry_from(draft_of(entry)) == entry
