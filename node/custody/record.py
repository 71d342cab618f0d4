"""The vault's file: what it says in the open, and how its bytes are read and written.

One JSON object. Everything but `nonce` and `sealed` is the header: readable by who has the file, and bound to the
sealed part, so that a change of either is found out. Fields of bytes are base64.
"""

import json
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

MAX_FILE = 16 * 1024
"""Longest vault file that is read, in bytes; a real one has some 1,500."""

FORMAT = 1

Moment = Annotated[int, Meta(ge=0, lt=253_402_300_800)]
"""Unix seconds, up to the year 9999."""

Salt = Annotated[bytes, Meta(min_length=16, max_length=64)]


class KeyFileWrap(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="key-file"
):
    """Opened by the content of a file outside the data directory."""

    salt: Salt
    path: Annotated[str, Meta(pattern=r"\A/[^\0]*\Z", max_length=4096)] | None = None
    """Where the file lies, in full, if that is not the usual place for this box."""


class CredentialWrap(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="credential"
):
    """Opened by a credential that the service manager hands to the node."""

    salt: Salt


class PassphraseWrap(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="passphrase"
):
    """Opened by a passphrase, by way of Argon2id with these parameters (RFC 9106).

    The bounds are those of what is asked of this machine when somebody else wrote the file.
    """

    salt: Salt
    memory_kib: Annotated[int, Meta(ge=8 * 16, le=1024 * 1024)] = 64 * 1024
    iterations: Annotated[int, Meta(ge=1, le=16)] = 3
    lanes: Annotated[int, Meta(ge=1, le=16)] = 4
    kdf: Literal["argon2id"] = "argon2id"


Wrapping = KeyFileWrap | CredentialWrap | PassphraseWrap

_KINDS = ("key-file", "credential", "passphrase")


class VaultRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole vault file."""

    version: Literal[1] = 1
    box: Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
    """Names this box for good, over restores and changes of protection."""
    created_at: Moment
    identity: Annotated[str, Meta(pattern=r"\Aed25519:[0-9a-f]{64}\Z")]
    """The public key that the phrase gives: by it the words of this box are known from others."""
    words_shown_at: Moment | None = None
    """None as long as nobody has seen the words."""
    wrapping: Wrapping
    nonce: Annotated[bytes, Meta(min_length=12, max_length=12)] = bytes(12)
    sealed: Annotated[bytes, Meta(min_length=16, max_length=8192)] = bytes(16)

    @property
    def protection(self) -> str:
        """What opens it: "key-file", "credential" or "passphrase"."""
        return str(self.wrapping.__struct_config__.tag)

    def header(self) -> bytes:
        """The open part in its one canonical spelling, which the sealed part is bound to."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        del values["nonce"], values["sealed"]
        return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()


def encode(record: VaultRecord) -> bytes:
    """The file's bytes."""
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def decode(data: bytes) -> VaultRecord:
    """The record in these bytes. Raises ValueError with a sentence on what is wrong."""
    try:
        seen: Any = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        raise ValueError("is damaged: not a JSON object") from None
    if not isinstance(seen, dict):
        raise ValueError("is damaged: not a JSON object")
    _refuse_unknown(seen)
    try:
        record = msgspec.json.decode(data, type=VaultRecord)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is damaged: {error}") from None
    if isinstance(record.wrapping, PassphraseWrap) and record.wrapping.memory_kib < 8 * record.wrapping.lanes:
        raise ValueError("is damaged: too little memory for its lanes")
    return record


def _refuse_unknown(seen: dict[str, Any]) -> None:
    """What a newer version may have written is named as such, and never called damaged."""
    version = seen.get("version")
    if type(version) is not int:
        raise ValueError("is damaged: it has no version")
    if version != FORMAT:
        raise ValueError(f"has format {version}; this version of Alknet reads format {FORMAT} only")
    wrapping = seen.get("wrapping")
    kind = wrapping.get("kind") if isinstance(wrapping, dict) else None
    if kind not in _KINDS:
        raise ValueError("is protected in a way that this version of Alknet does not know")
    kdf = wrapping.get("kdf", "argon2id") if isinstance(wrapping, dict) else None
    if kdf != "argon2id":
        raise ValueError("derives its key in a way that this version of Alknet does not know")
