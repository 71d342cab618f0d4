"""The vault's file as it is read: what is ours, and everything that is not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from node.custody.record import CredentialWrap, KeyFileWrap, PassphraseWrap, VaultRecord, decode, encode
from tests.support.custody import IDENTITY

salts = st.binary(min_size=16, max_size=64)
wrappings = st.one_of(
    st.builds(KeyFileWrap, salt=salts, path=st.none() | st.from_regex(r"\A/[^\0]{0,80}\Z")),
    st.builds(CredentialWrap, salt=salts),
    st.builds(
        PassphraseWrap,
        salt=salts,
        memory_kib=st.integers(128, 1024 * 1024),
        iterations=st.integers(1, 16),
        lanes=st.integers(1, 16),
    ),
)
moments = st.integers(0, 253_402_300_799)
records = st.builds(
    VaultRecord,
    box=st.binary(min_size=16, max_size=16).map(bytes.hex),
    created_at=moments,
    identity=st.binary(min_size=32, max_size=32).map(lambda key: f"ed25519:{key.hex()}"),
    words_shown_at=st.none() | moments,
    wrapping=wrappings,
    nonce=st.binary(min_size=12, max_size=12),
    sealed=st.binary(min_size=16, max_size=1024),
)
RECORD = VaultRecord(
    box="0" * 32, created_at=1, identity=IDENTITY, wrapping=PassphraseWrap(salt=bytes(16)), sealed=bytes(32)
)


def changed(**values: Any) -> bytes:
    """The file of RECORD with other values; `wrapping__lanes` is one of the wrapping's."""
    tree = json.loads(encode(RECORD))
    for name, value in values.items():
        *above, last = name.split("__")
        part = tree[above[0]] if above else tree
        part[last] = value
    return json.dumps(tree).encode()


@given(records)
def test_what_is_written_is_read_again(record: VaultRecord) -> None:
    assert decode(encode(record)) == record


@given(records, st.data())
def test_the_header_tells_every_change_but_of_what_is_sealed(record: VaultRecord, data: st.DataObject) -> None:
    assert replace(record, nonce=bytes(12), sealed=bytes(16)).header() == record.header()
    other = data.draw(records.filter(lambda other: replace(other, nonce=record.nonce, sealed=record.sealed) != record))
    assert other.header() != record.header()


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_noise_is_refused_in_a_sentence(noise: bytes) -> None:
    with pytest.raises(ValueError, match=r"^is damaged: "):
        decode(noise)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"version": 2}, "has format 2; this version of Alknet reads format 1 only"),
        ({"version": True}, "it has no version"),
        ({"version": None}, "it has no version"),
        ({"wrapping__kind": "tpm"}, "protected in a way that this version of Alknet does not know"),
        ({"wrapping": 7}, "protected in a way that this version of Alknet does not know"),
        ({"wrapping__kdf": "scrypt"}, "derives its key in a way that this version of Alknet does not know"),
        ({"wrapping__memory_kib": 100 * 1024 * 1024}, "wrapping.memory_kib"),
        ({"wrapping__iterations": 10**9}, "wrapping.iterations"),
        ({"wrapping__lanes": 17}, "wrapping.lanes"),
        ({"wrapping__lanes": 0}, "wrapping.lanes"),
        ({"wrapping__memory_kib": 127}, "wrapping.memory_kib"),
        ({"wrapping__salt": "AAAA"}, "wrapping.salt"),
        ({"wrapping__salt": "*"}, "wrapping.salt"),
        ({"wrapping__more": 1}, "unknown field `more`"),
        ({"more": 1}, "unknown field `more`"),
        ({"box": "../../etc"}, "box"),
        ({"box": "0" * 32 + "\n"}, "box"),
        ({"identity": "SHA256:" + "0" * 64}, "identity"),
        ({"created_at": -1}, "created_at"),
        ({"created_at": 1e300}, "created_at"),
        ({"created_at": 253_402_300_800}, "created_at"),
        ({"words_shown_at": "yesterday"}, "words_shown_at"),
        ({"nonce": "AAAA"}, "nonce"),
        ({"sealed": ""}, "sealed"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        decode(changed(**values))
    assert told in str(refused.value)


@pytest.mark.parametrize("path", ["", "relative/box.key", "/nul\0", "/" + "x" * 4096])
def test_what_is_no_whole_path_is_no_key_file(path: str) -> None:
    wrapping = {"kind": "key-file", "salt": "A" * 22 + "==", "path": path}
    with pytest.raises(ValueError, match=r"^is damaged: .*wrapping\.path"):
        decode(changed(wrapping=wrapping))


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ValueError, match="not a JSON object"):
        decode(b"[" * 16_000)
