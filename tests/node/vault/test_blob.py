"""The frozen format of a sealed text: what is read, what is written, and what is refused."""

import json
import re
from base64 import b64encode
from dataclasses import FrozenInstanceError, asdict, replace

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from node.vault import EncryptedData, EncryptionError, InvalidPath, VaultService
from node.vault.blob import MAX_DATA_TEXT, MAX_JSON, MAX_SHORT_TEXT
from node.vault.encryption import _raw
from tests.support.vault_vectors import PHRASE

FIELDS = {"key_version": 2, "salt": "c2FsdA==", "iv": "AAECAwQFBgcICQoL", "data": "AAAAAAAAAAAAAAAAAAAAAA=="}
TEXT = st.text(max_size=60)

vault = VaultService()
vault.unlock(PHRASE)


def test_a_blob_has_exactly_the_four_fields() -> None:
    sealed = vault.encrypt("text")
    assert list(sealed.to_json()) == ["key_version", "salt", "iv", "data"]
    assert json.loads(json.dumps(sealed.to_json())) == sealed.to_json() == asdict(sealed)
    assert msgspec.json.decode(msgspec.json.encode(sealed)) == sealed.to_json()


def test_a_blob_is_public_comparable_and_does_not_change() -> None:
    one, two = EncryptedData(**FIELDS), EncryptedData.from_json(FIELDS)
    assert one == two
    assert hash(one) == hash(two)
    assert one != replace(one, key_version=3)
    assert repr(one) == (
        "EncryptedData(key_version=2, salt='c2FsdA==', iv='AAECAwQFBgcICQoL', data='AAAAAAAAAAAAAAAAAAAAAA==')"
    )
    with pytest.raises(FrozenInstanceError):
        one.data = ""
    with pytest.raises(FrozenInstanceError):
        del one.iv


@given(st.integers(0, 2**32 - 1), TEXT, TEXT, TEXT, st.dictionaries(TEXT, st.integers()))
def test_every_blob_is_read_back_whatever_else_is_beside_it(
    version: int, salt: str, iv: str, data: str, more: dict[str, int]
) -> None:
    blob = EncryptedData(version, salt, iv, data)
    value = {**more, **blob.to_json()}
    assert EncryptedData.from_json(value) == blob
    assert EncryptedData.from_json(json.dumps(value)) == blob
    assert EncryptedData.from_json(json.dumps(value).encode()) == blob
    assert EncryptedData.from_json(bytearray(json.dumps(value, ensure_ascii=False), "utf-8", "surrogatepass")) == blob


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_must_be_there(field: str) -> None:
    for value in ({name: value for name, value in FIELDS.items() if name != field}, {**FIELDS, field: None}):
        with pytest.raises(EncryptionError, match=r"^malformed blob$"):
            EncryptedData.from_json(value)


@pytest.mark.parametrize("version", [-1, 2**32, 2**64, True, False, 2.0, 2.5, "2", None, [2], {}])
def test_other_versions_are_malformed(version: object) -> None:
    with pytest.raises(EncryptionError, match=r"^malformed blob$"):
        EncryptedData.from_json({**FIELDS, "key_version": version})


@pytest.mark.parametrize("field", ["salt", "iv", "data"])
@pytest.mark.parametrize("value", [0, 1.5, True, None, [], [1, 2], {}, b"AAAA", bytearray(4)])
def test_other_types_are_malformed(field: str, value: object) -> None:
    with pytest.raises(EncryptionError, match=r"^malformed blob$"):
        EncryptedData.from_json({**FIELDS, field: value})


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "{",
            "null",
            "[]",
            "2",
            '"text"',
            "true",
            "[1, 2]",
            "{}",
            "NaN",
            b"\xff\xfe",
            b"\x00",
            b"\xff{}",
            "\ud800",
        ),
        '{"keyVersion": 2, "salt": "", "iv": "", "data": ""}',
        '{"key_version": 1e0, "salt": "", "iv": "", "data": ""}',
        '{"key_version": ' + "9" * 5000 + ', "salt": "", "iv": "", "data": ""}',
        "[" * 100_000,
        '{"key_version":' * 50_000,
        json.dumps({**FIELDS, "other": "x" * MAX_JSON}),
    ],
    ids=lambda text: ascii(text)[:24],
)
def test_other_texts_are_malformed(text: str | bytes) -> None:
    with pytest.raises(EncryptionError, match=r"^malformed blob$") as refused:
        EncryptedData.from_json(text)
    assert refused.value.__context__ is None


def test_the_camel_case_of_older_blobs_is_not_ours() -> None:
    old = {"keyVersion": 2, "salt": b64encode(bytes(16)).decode(), "iv": FIELDS["iv"], "data": FIELDS["data"]}
    with pytest.raises(EncryptionError, match="malformed blob"):
        EncryptedData.from_json(old)


def test_fields_have_a_longest_text() -> None:
    longest = {**FIELDS, "salt": "A" * MAX_SHORT_TEXT, "iv": "A" * MAX_SHORT_TEXT, "data": "A" * MAX_DATA_TEXT}
    assert EncryptedData.from_json(json.dumps(longest)).to_json() == longest
    for field in ("salt", "iv", "data"):
        with pytest.raises(EncryptionError, match="malformed blob"):
            EncryptedData.from_json({**longest, field: longest[field] + "A"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*FIELDS, "other"]), inner, max_size=5),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["object", "text", "bytes"]))
@example({**FIELDS, "more": 1}, "text")
def test_any_json_is_a_blob_or_malformed(value: object, form: str) -> None:
    fits = isinstance(value, dict) and type(value.get("key_version")) is int and 0 <= value["key_version"] < 2**32
    fits = fits and all(isinstance(value.get(name), str) for name in ("salt", "iv", "data"))
    if isinstance(value, str):
        form = "text"  # a text is read as JSON, not as a value
    given_value = {"object": value, "text": json.dumps(value), "bytes": json.dumps(value).encode()}[form]
    if fits:
        assert EncryptedData.from_json(given_value).to_json() == {name: value[name] for name in FIELDS}
    else:
        with pytest.raises(EncryptionError, match=r"^malformed blob$"):
            EncryptedData.from_json(given_value)


@given(st.text() | st.binary())
def test_any_text_is_a_blob_or_malformed(text: str | bytes) -> None:
    with pytest.raises(EncryptionError, match=r"^malformed blob$"):
        EncryptedData.from_json(text)


@given(st.integers(0, 2**32 - 1), TEXT, TEXT, TEXT)
@example(2, "", "AAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAA==")
def test_opening_any_blob_fails_in_the_known_ways_only(version: int, salt: str, iv: str, data: str) -> None:
    with pytest.raises((EncryptionError, InvalidPath)):
        vault.decrypt(EncryptedData(version, salt, iv, data))


STANDARD = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z")


@given(
    st.text("AQgwB048+/=-_ \n", max_size=12) | st.binary(max_size=40).map(lambda raw: b64encode(raw).decode()) | TEXT
)
def test_base64_is_read_only_as_it_is_written(text: str) -> None:
    try:
        raw = _raw(text)
    except ValueError:
        # Standard base64 that we refuse ends in bits that are no part of any byte.
        assert STANDARD.match(text) is None or text[text.index("=") - 1] not in _zero_bits(text)
    else:
        assert b64encode(raw).decode() == text


def _zero_bits(text: str) -> str:
    """The digits that may stand before the padding of `text`."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return digits[:: 16 if text.endswith("==") else 4]


def test_bits_behind_the_last_byte_are_refused_whichever_they_are() -> None:
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    read = []
    for text in [text for digit in digits for text in (f"A{digit}==", f"AA{digit}=", f"AAA{digit}")]:
        try:
            read.append((_raw(text), text))
        except ValueError:
            continue
    assert len(read) == 4 + 16 + 64
    assert all(b64encode(raw).decode() == text for raw, text in read)
