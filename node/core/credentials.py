"""Sealed credentials as the stores keep them, and the rules that every writer and reader shares (spec core §9, §13).

A store moves ciphertext: it has no key and opens nothing. The record holds raw bytes, the frozen JSON form base64 text
(spec vault §9); the two are converted here and nowhere else.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from node.core.errors import InvalidFields
from node.core.peers import CONTROL, NO_CONTROL

MAX_PROVIDER = 255
"""Longest name of a provider, in characters."""
MAX_KEY_VERSION = 2**32 - 1
MAX_SALT = 768
IV_BYTES = 12
TAG_BYTES = 16
MAX_CONTENT = 64 * 1024
"""Longest content that is taken from people, in bytes of UTF-8."""
MAX_DATA = 1024 * 1024 + TAG_BYTES
"""Longest ciphertext with its tag, in bytes: a credential has at most 1 MiB."""


class InvalidCredential(InvalidFields):
    """One or more fields of a credential are wrong. No message repeats a value."""


@dataclass(frozen=True, slots=True)
class EncryptedData:
    """One sealed credential: AES-256-GCM ciphertext, its nonce, and the version of the key that opens it.

    Public data, equal by value. `data` is the ciphertext with its 16-byte tag at the end; the repr leaves it out, since
    it can be long. `salt` opens nothing and is carried along.
    """

    key_version: int
    salt: bytes
    iv: bytes
    data: bytes = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Exactly `key_version`, and `salt`, `iv` and `data` in standard base64 with padding (spec vault §9)."""
        return {"key_version": self.key_version} | {name: _encode(getattr(self, name)) for name in _BYTES}


def encrypted_data(key_version: Any, salt: Any, iv: Any, data: Any) -> EncryptedData:
    """An EncryptedData out of untrusted values, such as a row's. Raises InvalidCredential naming every wrong field."""
    errors = {
        "key_version": _check_key_version(key_version),
        "salt": _check_bytes(salt, 0, MAX_SALT),
        "iv": _check_bytes(iv, IV_BYTES, IV_BYTES),
        "data": _check_bytes(data, TAG_BYTES, MAX_DATA),
    }
    if wrong := {name: texts for name, texts in errors.items() if texts}:
        raise InvalidCredential(wrong)
    return EncryptedData(key_version, bytes(salt), bytes(iv), bytes(data))


def encrypted_data_from_json(value: Any) -> EncryptedData:
    """The record out of its frozen JSON form. Fields that it does not know are ignored. Raises InvalidCredential."""
    if not isinstance(value, Mapping):
        raise InvalidCredential({"credential": ["A sealed credential is a JSON object."]})
    return encrypted_data(value.get("key_version"), *(_decode(value.get(name)) for name in _BYTES))


def check_provider(value: Any) -> list[str]:
    """Messages on what is wrong with the name of a provider, such as "openai"; empty if nothing is."""
    if not isinstance(value, str) or not value:
        return ["A credential needs the name of its provider."]
    if len(value) > MAX_PROVIDER:
        return [f"The name of a provider has at most {MAX_PROVIDER} characters."]
    if CONTROL.search(value) or value != value.strip():
        return [f"The name of a provider has {NO_CONTROL}."]
    return []


_BYTES = ("salt", "iv", "data")


def _check_key_version(value: Any) -> list[str]:
    ok = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_KEY_VERSION
    return [] if ok else [f"A key version is a whole number from 1 to {MAX_KEY_VERSION}."]


def _check_bytes(value: Any, least: int, most: int) -> list[str]:
    if isinstance(value, bytes | bytearray | memoryview) and least <= len(value) <= most:
        return []
    return [f"These are {least} bytes." if least == most else f"These are {least} to {most} bytes."]


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decode(text: Any) -> bytes | None:
    """None for what is no base64, or is not spelled in the one way in which we would spell it."""
    if not isinstance(text, str) or len(text) > 2 * MAX_DATA:
        return None
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if _encode(raw) == text else None
