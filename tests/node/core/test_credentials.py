import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.core.credentials import (
    IV_BYTES,
    MAX_DATA,
    MAX_KEY_VERSION,
    MAX_PROVIDER,
    MAX_SALT,
    TAG_BYTES,
    EncryptedData,
    InvalidCredential,
    check_provider,
    encrypted_data,
    encrypted_data_from_json,
)

IV, TAG = bytes(range(IV_BYTES)), bytes(TAG_BYTES)
BLOB: dict[str, Any] = {
    "key_version": 2,
    "salt": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "iv": "AAECAwQFBgcICQoL",
    "data": "fI82ZEKfLCJ0voqRj8vHc0R1DPKy6qLvCoRf",
}
"""Spec vault §15."""

records = st.builds(
    encrypted_data,
    st.integers(1, MAX_KEY_VERSION),
    st.binary(max_size=64),
    st.binary(min_size=IV_BYTES, max_size=IV_BYTES),
    st.binary(min_size=TAG_BYTES, max_size=200),
)


@given(records)
def test_the_json_form_gives_the_same_record_back(record: EncryptedData) -> None:
    assert record.to_json().keys() == {"key_version", "salt", "iv", "data"}
    assert encrypted_data_from_json(record.to_json()) == record


def test_the_vault_s_own_form_is_read_and_written_letter_by_letter() -> None:
    record = encrypted_data_from_json({**BLOB, "note": "unknown fields are ignored"})
    assert (record.key_version, record.salt, record.iv) == (2, bytes(range(32)), IV)
    assert record.to_json() == BLOB


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"key_version": True}, "key_version"),
        ({"key_version": 2.0}, "key_version"),
        ({"key_version": "2"}, "key_version"),
        ({"key_version": 0}, "key_version"),
        ({"key_version": MAX_KEY_VERSION + 1}, "key_version"),
        ({"key_version": None}, "key_version"),
        ({"salt": None}, "salt"),
        ({"salt": [0, 1]}, "salt"),
        ({"salt": "AA"}, "salt"),
        ({"salt": "AB=="}, "salt"),
        ({"salt": "A\nA=="}, "salt"),
        ({"salt": "ÄÄ=="}, "salt"),
        ({"iv": "_-_-_-_-_-_-_-_-"}, "iv"),
        ({"iv": base64.b64encode(bytes(11)).decode()}, "iv"),
        ({"iv": base64.b64encode(bytes(13)).decode()}, "iv"),
        ({"data": base64.b64encode(bytes(15)).decode()}, "data"),
        ({"data": "x" * (2 * MAX_DATA + 1)}, "data"),
    ],
)
def test_a_malformed_field_is_named_and_its_value_is_not_repeated(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidCredential) as refused:
        encrypted_data_from_json(BLOB | changes)
    assert list(refused.value.errors) == [field]
    assert len(str(refused.value)) < 100


@pytest.mark.parametrize("name", sorted(BLOB))
def test_no_field_may_be_missing(name: str) -> None:
    with pytest.raises(InvalidCredential, match=name):
        encrypted_data_from_json({key: value for key, value in BLOB.items() if key != name})


@pytest.mark.parametrize("value", [None, [], "text", 7])
def test_what_is_no_object_is_refused(value: Any) -> None:
    with pytest.raises(InvalidCredential, match="JSON object"):
        encrypted_data_from_json(value)


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text() | st.binary(), st.lists),
    st.sampled_from(sorted(BLOB)),
)
def test_junk_never_raises_anything_else(junk: Any, name: str) -> None:
    try:
        encrypted_data_from_json({**BLOB, name: junk})
    except InvalidCredential as error:
        assert list(error.errors) == [name]


def test_raw_values_are_taken_as_every_database_gives_them() -> None:
    assert encrypted_data(2, memoryview(b""), bytearray(IV), TAG) == EncryptedData(2, b"", IV, TAG)
    assert encrypted_data(1, bytes(MAX_SALT), IV, bytes(MAX_DATA)).key_version == 1


def test_every_wrong_field_is_told_at_once() -> None:
    with pytest.raises(InvalidCredential) as refused:
        encrypted_data(None, bytes(MAX_SALT + 1), b"", bytes(MAX_DATA + 1))
    assert list(refused.value.errors) == ["key_version", "salt", "iv", "data"]


def test_a_record_says_what_it_is_without_its_length_of_data() -> None:
    assert "cipher" not in repr(encrypted_data(2, b"", IV, b"cipher" * 1000))


@pytest.mark.parametrize("name", ["openai", "github", "Ünï-cödé 7", "a" * MAX_PROVIDER, "two words", "x/y:z"])
def test_a_provider_has_a_name_of_one_line(name: str) -> None:
    assert check_provider(name) == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        " openai",
        "openai ",
        "two\nlines",
        "a\x00b",
        "\x7f",
        "a\u2028b",
        "\ud800",
        "a" * (MAX_PROVIDER + 1),
        None,
        7,
        b"x",
    ],
)
def test_what_is_no_name_of_a_provider_is_told_why(name: Any) -> None:
    assert len(check_provider(name)) == 1
