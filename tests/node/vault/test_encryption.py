"""Sealing as the service offers it, and against the published vectors below it."""

import base64
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from node.vault import EncryptedData, EncryptionError, InvalidPath, SecretString, VaultService
from node.vault.constants import MAX_PLAINTEXT
from node.vault.encryption import seal, unseal
from tests.support.vault_vectors import PHRASE

ZEROS = bytes(32)
KEY = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
NONCE = bytes.fromhex("cafebabefacedbaddecaf888")
PLAIN = bytes.fromhex(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
)
CIPHER = bytes.fromhex(
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
)
STORED = {
    "key_version": 2,
    "salt": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "iv": "AAECAwQFBgcICQoL",
    "data": "fI82ZEKfLCJ0voqRj8vHc0R1DPKy6qLvCoRf",
}
ONE_TEXT = "the blob cannot be opened: its key is another, or it was changed"

vault = VaultService()
vault.unlock(PHRASE)


def text_of(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def blob(nonce: bytes, data: bytes) -> EncryptedData:
    return EncryptedData(2, text_of(bytes(32)), text_of(nonce), text_of(data))


def test_published_vectors_of_the_cipher() -> None:
    assert AESGCM(ZEROS).encrypt(bytes(12), b"", None).hex() == "530f8afbc74536b9a963b4f1c4cb738b"
    assert AESGCM(KEY).encrypt(NONCE, PLAIN, None) == CIPHER + bytes.fromhex("b094dac5d93471bdec1a502270e3cc6c")
    with_more = AESGCM(KEY).encrypt(NONCE, PLAIN[:60], bytes.fromhex("feedfacedeadbeef" * 2 + "abaddad2"))
    assert with_more == CIPHER[:60] + bytes.fromhex("76fc6ece0f4e1768cddf8853bb2d551b")


def test_published_vectors_open() -> None:
    assert unseal(AESGCM(ZEROS), blob(bytes(12), bytes.fromhex("530f8afbc74536b9a963b4f1c4cb738b"))) == ""
    data = bytes.fromhex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919")
    assert unseal(AESGCM(ZEROS), blob(bytes(12), data)) == "\0" * 16


def test_a_stored_blob_opens() -> None:
    assert vault.decrypt(EncryptedData.from_json(STORED)) == "sk-test-123"
    assert vault.decrypt(EncryptedData.from_json(json.dumps(STORED))) == "sk-test-123"


@given(st.text(), st.sampled_from([2, 3, 4, 2**31 + 1]))
def test_every_text_is_opened_as_it_was_sealed(text: str, version: int) -> None:
    sealed = vault.encrypt(text, version)
    assert sealed.key_version == version
    assert len(base64.b64decode(sealed.data)) == len(text.encode()) + 16
    assert vault.decrypt(EncryptedData.from_json(json.dumps(sealed.to_json()))) == text


def test_a_secret_string_is_sealed_by_its_text() -> None:
    assert vault.decrypt(vault.encrypt(SecretString("sk-1"))) == "sk-1"


def test_two_sealings_of_one_text_have_nothing_in_common_but_the_version() -> None:
    one, two = vault.encrypt("same"), vault.encrypt("same")
    assert one.key_version == two.key_version == 2
    assert one.iv != two.iv
    assert one.salt != two.salt
    assert one.data != two.data
    assert (len(one.salt), len(one.iv)) == (44, 16)


def test_nonces_and_salts_do_not_come_again() -> None:
    sealed = [vault.encrypt("") for _ in range(5000)]
    assert len({each.iv for each in sealed}) == len({each.salt for each in sealed}) == 5000


@given(st.integers(0, 7), st.data())
def test_one_changed_bit_of_nonce_or_data_is_refused(bit: int, data: st.DataObject) -> None:
    sealed = vault.encrypt("a credential")
    field = data.draw(st.sampled_from(["iv", "data"]))
    raw = bytearray(base64.b64decode(getattr(sealed, field)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << bit
    with pytest.raises(EncryptionError) as refused:
        vault.decrypt(replace(sealed, **{field: text_of(raw)}))
    assert str(refused.value) == ONE_TEXT


def test_the_salt_is_carried_along_and_nothing_else() -> None:
    sealed = vault.encrypt("text")
    assert vault.decrypt(replace(sealed, salt="")) == "text"
    assert vault.decrypt(replace(sealed, salt=text_of(b"another"))) == "text"


def not_utf8() -> EncryptedData:
    with vault.derive_encryption_key_for_version(2) as key:
        return blob(bytes(12), AESGCM(key.private_key).encrypt(bytes(12), b"\xff\xfe", None))


@pytest.mark.parametrize("size", [0, 1, 8, 11, 13, 16, 32])
def test_other_sizes_of_nonce_are_refused_even_if_the_cipher_takes_them(size: int) -> None:
    with vault.derive_encryption_key_for_version(2) as key:
        cipher = AESGCM(key.private_key)
    data = cipher.encrypt(bytes(size), b"text", None) if size >= 8 else bytes(20)
    with pytest.raises(EncryptionError) as refused:
        vault.decrypt(blob(bytes(size), data))
    assert str(refused.value) == ONE_TEXT


def test_whatever_is_wrong_with_a_blob_it_is_told_in_one_text() -> None:
    sealed, other = vault.encrypt("text"), VaultService()
    other.unlock(PHRASE, "another")
    raw = base64.b64decode(sealed.data)
    cases = [
        not_utf8(),
        replace(sealed, key_version=3),
        other.encrypt("text"),
        *(replace(sealed, data=text_of(raw[:size])) for size in (0, 1, 15, 16, len(raw) - 1)),
        replace(sealed, data=text_of(raw + b"\0")),
    ]
    for case in cases:
        with pytest.raises(EncryptionError) as refused:
            vault.decrypt(case)
        assert str(refused.value) == ONE_TEXT
        assert refused.value.__cause__ is None
        assert refused.value.__context__ is None


@pytest.mark.parametrize("field", ["salt", "iv", "data"])
@pytest.mark.parametrize(
    "text",
    [
        "A",
        "A===",
        "AAA",
        "AA=A",
        "AAAA\n",
        " AAAA",
        "AA-_",
        "AAAA=",
        "AAAA====",
        "AB==",
        "AAB=",
        "\u0661AAA",
        "A" * 2_000_000,
        *(b"AAA=", b"A" * 45, None, 4, ["A"]),
    ],
)
def test_what_is_no_base64_with_padding_does_not_decode(field: str, text: str) -> None:
    with pytest.raises(EncryptionError, match=r"^decoding$") as refused:
        vault.decrypt(replace(vault.encrypt("text"), **{field: text}))
    assert refused.value.__context__ is None


@pytest.mark.parametrize("version", [0, 1, 2**31 + 2, 2**32 - 1])
def test_blobs_of_versions_without_a_path_are_refused(version: int) -> None:
    with pytest.raises(InvalidPath):
        vault.decrypt(EncryptedData.from_json({**STORED, "key_version": version}))
    with pytest.raises(InvalidPath):
        vault.encrypt("text", version)


def test_the_longest_text() -> None:
    longest = "é" * (MAX_PLAINTEXT // 2)
    assert vault.decrypt(EncryptedData.from_json(vault.encrypt(longest).to_json())) == longest
    with pytest.raises(EncryptionError, match="at most 1048576 bytes"):
        vault.encrypt(longest + "x")


def test_undecodable_bytes_are_not_sealed() -> None:
    for text in ("sk-\udcff", SecretString("sk-\udcff"), b"sk-1", bytearray(b"sk-1"), 5, None):
        with pytest.raises(EncryptionError, match="must be text") as refused:
            vault.encrypt(text)
        assert refused.value.__context__ is None  # a UnicodeEncodeError would hold the text


def test_rotation_seals_anew_and_leaves_the_old_blob_good() -> None:
    old = vault.encrypt("sk-1")
    new = vault.rotate(old, 3)
    assert (old.key_version, new.key_version) == (2, 3)
    assert new.iv != old.iv
    assert [vault.decrypt(each) for each in (old, new)] == ["sk-1", "sk-1"]
    again, back = vault.rotate(new, 3), vault.rotate(new, 2)
    assert again.iv != new.iv
    assert [vault.decrypt(each) for each in (again, back)] == ["sk-1", "sk-1"]


def test_rotation_fails_as_opening_does_and_then_as_sealing_does() -> None:
    sealed = vault.encrypt("sk-1")
    with pytest.raises(EncryptionError):
        vault.rotate(replace(sealed, key_version=3), 1)
    with pytest.raises(InvalidPath):
        vault.rotate(sealed, 1)
    with pytest.raises(InvalidPath):
        vault.rotate(replace(sealed, key_version=1), 3)


def test_blobs_are_not_bound_to_a_place() -> None:
    """Known: whoever may write the store can swap two. Binding them needs another version of the format."""
    rows = {"openai": vault.encrypt("sk-openai"), "github": vault.encrypt("ghp-github")}
    rows["openai"], rows["github"] = rows["github"], rows["openai"]
    assert vault.decrypt(rows["openai"]) == "ghp-github"


def test_sealing_needs_only_the_key() -> None:
    sealed = seal(AESGCM(KEY), 7, "text")
    assert sealed.key_version == 7
    assert unseal(AESGCM(KEY), sealed) == "text"
