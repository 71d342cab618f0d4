"""Sealed texts as they are stored and sent: public data in a frozen format (spec vault §9)."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from node.vault.constants import MAX_PLAINTEXT, TAG_SIZE
from node.vault.errors import EncryptionError

MAX_DATA_TEXT: Final = (MAX_PLAINTEXT + TAG_SIZE + 2) // 3 * 4
"""Longest `data`, in characters of base64."""

MAX_SHORT_TEXT: Final = 1024
"""Longest `salt` and `iv`, in characters. Ours have 44 and 16."""

MAX_JSON: Final = MAX_DATA_TEXT + 64 * 1024
"""Longest JSON text that is read, in characters or bytes: a blob, and fields that are not for us."""

MALFORMED = "malformed blob"


@dataclass(frozen=True, slots=True)
class EncryptedData:
    """One sealed text. Safe to print, compare and log.

    `salt` (32 random bytes), `iv` (the 12-byte nonce) and `data` (ciphertext, then the 16-byte tag) are standard base64
    with padding. The salt is carried along and is no input of anything.
    """

    key_version: int
    salt: str
    iv: str
    data: str

    def __init__(self, key_version: int, salt: str, iv: str, data: str) -> None:
        # As frozen dataclasses do it by themselves, at half the cost: a blob is made at each sealing.
        _set_key_version(self, key_version)
        _set_salt(self, salt)
        _set_iv(self, iv)
        _set_data(self, data)

    def to_json(self) -> dict[str, Any]:
        """The four fields, as the value of a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> "EncryptedData":
        """Read a JSON text (`str`, `bytes`), or the mapping that it was decoded to. Unknown fields are ignored.

        Raises EncryptionError if a field is missing, of another type or out of range. What the texts encode is
        looked at when the blob is opened.
        """
        fields = _parsed(value) if isinstance(value, str | bytes | bytearray) else value
        if not isinstance(fields, Mapping):
            raise EncryptionError(MALFORMED)
        version = fields.get("key_version")
        if type(version) is not int or not 0 <= version < 2**32:
            raise EncryptionError(MALFORMED)
        salt, iv = _text(fields.get("salt"), MAX_SHORT_TEXT), _text(fields.get("iv"), MAX_SHORT_TEXT)
        return cls(version, salt, iv, _text(fields.get("data"), MAX_DATA_TEXT))


_set_key_version, _set_salt, _set_iv, _set_data = (
    EncryptedData.__dict__[name].__set__ for name in ("key_version", "salt", "iv", "data")
)


def _text(value: object, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise EncryptionError(MALFORMED)
    return value


def _parsed(text: str | bytes | bytearray) -> object:
    """The value of a JSON text, or None. The decoder's own errors hold the text, so none of them gets out."""
    try:
        return json.loads(text) if len(text) <= MAX_JSON else None
    except (ValueError, RecursionError):
        return None
