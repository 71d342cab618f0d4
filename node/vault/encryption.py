"""Sealing and opening with AES-256-GCM (spec vault §10; NIST SP 800-38D). Internal: callers use the service.

One key seals at most 2^32 texts, since nonces are random (SP 800-38D §8.3); nobody has that many credentials.
There is no additional data, so a blob is not bound to its row: whoever may write the store may swap two.
"""

import os
from binascii import a2b_base64, b2a_base64

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.vault.blob import MAX_DATA_TEXT, MAX_SHORT_TEXT, EncryptedData
from node.vault.constants import MAX_PLAINTEXT, NONCE_SIZE, SALT_SIZE, TAG_SIZE
from node.vault.errors import EncryptionError
from node.vault.redacted import BytesLike

_LAST_DIGITS = ("", "AQgw", "AEIMQUYcgkosw048")
"""The digits of base64 whose last four bits are zeros, and those whose last two are: what ends one byte, or two."""

NONCE_DIGITS = NONCE_SIZE // 3 * 4

UNOPENED = "the blob cannot be opened: its key is another, or it was changed"


def cipher_for(key: BytesLike) -> AESGCM:
    """The cipher under a key of 32 bytes. OpenSSL keeps a copy of the key in it, and clears that as the cipher goes."""
    return AESGCM(key)


def seal(cipher: AESGCM, key_version: int, plaintext: str) -> EncryptedData:
    """Seal a text of at most MAX_PLAINTEXT bytes under a fresh nonce, and stamp it with the version.

    Raises EncryptionError. `key_version` must be that of the cipher's key.
    """
    text = _encoded(plaintext)
    # One call gives nonce and salt. Twelve bytes end where a group of base64 does, so both are encoded at once too.
    chance = os.urandom(NONCE_SIZE + SALT_SIZE)
    shown = _base64(chance)
    data = cipher.encrypt(chance[:NONCE_SIZE], text, None)
    return EncryptedData(key_version, shown[NONCE_DIGITS:], shown[:NONCE_DIGITS], _base64(data))


def unseal(cipher: AESGCM, blob: EncryptedData) -> str:
    """The text of a blob. Raises EncryptionError: "decoding" where the base64 is wrong, one text for all the rest."""
    fields = _decoded(blob)
    if fields is None:
        raise EncryptionError("decoding")
    text = _opened(cipher, *fields)
    if text is None:
        raise EncryptionError(UNOPENED)
    return text


def _encoded(plaintext: str) -> bytes:
    try:
        text = plaintext.encode()
    except (UnicodeEncodeError, AttributeError):
        text = None  # the error would carry the text, so it ends here
    if text is None:
        raise EncryptionError("what is sealed must be text")
    if len(text) > MAX_PLAINTEXT:
        raise EncryptionError(f"a text to seal has at most {MAX_PLAINTEXT} bytes")
    return text


def _base64(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).decode("ascii")


def _decoded(blob: EncryptedData) -> tuple[bytes, bytes] | None:
    """Nonce and data. The salt is decoded too, only so that a damaged one is noticed."""
    try:
        if max(len(blob.salt), len(blob.iv)) > MAX_SHORT_TEXT or len(blob.data) > MAX_DATA_TEXT:
            return None
        _raw(blob.salt)
        return _raw(blob.iv), _raw(blob.data)
    except (ValueError, TypeError):
        return None


def _raw(text: str) -> bytes:
    """The bytes, if `text` is exactly what `_base64` gives for them. Raises ValueError.

    The decoder's strict mode lets two things through: too much padding, and bits after the last byte.
    """
    raw = a2b_base64(text, strict_mode=True)
    rest = len(raw) % 3
    if len(text) != (len(raw) + 2) // 3 * 4 or (rest and text[rest - 4] not in _LAST_DIGITS[rest]):
        raise ValueError
    return raw


def _opened(cipher: AESGCM, nonce: bytes, data: bytes) -> str | None:
    """The text, or None whatever the reason: nobody shall learn which of them it was."""
    if len(nonce) != NONCE_SIZE or len(data) < TAG_SIZE:
        return None
    try:
        return cipher.decrypt(nonce, data, None).decode()
    except (InvalidTag, UnicodeDecodeError):
        return None
