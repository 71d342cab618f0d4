"""Seals the recovery phrase under a key that a passphrase or a key's bytes give, and opens it again.

AES-256-GCM over padded JSON, with the record's header as additional data. Python cannot wipe `str` and `bytes`: what
can be kept in a bytearray is, and is overwritten; the rest is short-lived (docs/vault.md).
"""

import json
import os
import unicodedata

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec.structs import replace

from node.custody.errors import CustodyError, PassphraseRefused, WrongKey, WrongPassphrase
from node.custody.record import PassphraseWrap, VaultRecord, Wrapping
from node.vault import SecretString
from node.vault.redacted import Wipeable

SHORTEST_PASSPHRASE = 8
"""Characters of a new passphrase."""

LONGEST_PASSPHRASE = 1024
"""Characters of any passphrase that is looked at."""

SHORTEST_KEY = 32
"""Bytes of a key file or credential."""

_INFO = b"alknet vault: key of a key file or credential"
_PADDED = 512
"""The sealed text has a multiple of so many bytes: its length tells nothing of the words."""


class Contents(Wipeable):
    """What a vault file holds: the phrase, and the BIP-39 passphrase where there is one. Wipe it when done."""

    __slots__ = ("bip39_passphrase", "phrase")

    def __init__(self, phrase: SecretString, bip39_passphrase: SecretString | None = None) -> None:
        self.phrase = phrase
        self.bip39_passphrase = bip39_passphrase

    def wipe(self) -> None:
        self.phrase.wipe()
        if self.bip39_passphrase is not None:
            self.bip39_passphrase.wipe()


def wipe(buffer: bytearray) -> None:
    """Overwrite the bytes in place."""
    buffer[:] = bytes(len(buffer))


def key_of_passphrase(passphrase: SecretString, wrap: PassphraseWrap) -> bytearray:
    """The 32 bytes that this passphrase gives; takes a tenth of a second or more, by design (RFC 9106 §4)."""
    kdf = Argon2id(salt=wrap.salt, length=32, iterations=wrap.iterations, lanes=wrap.lanes, memory_cost=wrap.memory_kib)
    key = bytearray(32)
    try:
        kdf.derive_into(_prepared(passphrase), key)
    except MemoryError:
        raise CustodyError(
            f"this passphrase takes {wrap.memory_kib // 1024} MiB of memory, which are not free"
        ) from None
    return key


def key_of_bytes(secret: bytearray, wrap: Wrapping) -> bytearray:
    """The 32 bytes that the content of a key file or credential gives (HKDF, RFC 5869)."""
    key = bytearray(32)
    HKDF(hashes.SHA256(), 32, wrap.salt, _INFO).derive_into(secret, key)
    return key


def seal(record: VaultRecord, key: bytearray, contents: Contents) -> VaultRecord:
    """The record with these contents sealed in it, under a fresh nonce."""
    bip39 = None if contents.bip39_passphrase is None else contents.bip39_passphrase.reveal()
    text = bytearray(json.dumps({"phrase": contents.phrase.reveal(), "bip39_passphrase": bip39}).encode())
    text += b" " * (-len(text) % _PADDED)
    try:
        nonce = os.urandom(12)
        return replace(record, nonce=nonce, sealed=AESGCM(key).encrypt(nonce, text, record.header()))
    finally:
        wipe(text)


def open_sealed(record: VaultRecord, key: bytearray) -> Contents:
    """The contents. Raises WrongPassphrase or WrongKey, as it is opened, for a wrong one as for a changed file."""
    try:
        text = AESGCM(key).decrypt(record.nonce, record.sealed, record.header())
    except InvalidTag:
        if isinstance(record.wrapping, PassphraseWrap):
            raise WrongPassphrase from None
        raise WrongKey("the key does not open this vault, or its file was changed") from None
    values = json.loads(text)
    bip39 = values["bip39_passphrase"]
    return Contents(SecretString(values["phrase"]), None if bip39 is None else SecretString(bip39))


def new_passphrase(passphrase: SecretString) -> None:
    """Check a passphrase before it is used to protect. Raises PassphraseRefused."""
    length = len(passphrase.reveal())
    if length < SHORTEST_PASSPHRASE:
        raise PassphraseRefused(f"a passphrase has at least {SHORTEST_PASSPHRASE} characters")
    _prepared(passphrase)


def _prepared(passphrase: SecretString) -> bytes:
    """One spelling of the same text, whichever keyboard it came from (RFC 8265 §4.2: NFC)."""
    text = passphrase.reveal()
    if len(text) > LONGEST_PASSPHRASE:
        raise PassphraseRefused(f"a passphrase has at most {LONGEST_PASSPHRASE} characters")
    try:
        return unicodedata.normalize("NFC", text).encode()
    except UnicodeEncodeError:
        raise PassphraseRefused("the passphrase holds bytes that are no text") from None
