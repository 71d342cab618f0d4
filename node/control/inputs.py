"""The inputs of the operations: read strictly, and never shown. No error and no repr holds what was sent."""

from typing import Annotated, Any, TypeVar

import msgspec

from node.control.errors import invalid_input
from node.control.limits import MAX_PAGE, MAX_PLAINTEXT, MAX_REASON
from node.core.checkpoint import MAX_NUMBER
from node.core.credentials import MAX_DATA, MAX_SALT

FIRST_VERSION, LAST_VERSION = 2, 2_147_483_649
"""Key versions that there can be (spec vault §3)."""
KeyVersion = Annotated[int, msgspec.Meta(ge=FIRST_VERSION, le=LAST_VERSION)]
ConnectionId = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
PeerName = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Reason = Annotated[str, msgspec.Meta(max_length=MAX_REASON)]


def _base64(longest: int) -> msgspec.Meta:
    """Characters that so many bytes take in base64."""
    return msgspec.Meta(max_length=4 * ((longest + 2) // 3))


class Input(msgspec.Struct, frozen=True):
    """One input; unknown members are ignored."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class SealInput(Input, frozen=True):
    """A secret, and the key to seal it under; the vault's current one if none is named."""

    plaintext: str
    key_version: KeyVersion | None = None


class Blob(Input, frozen=True):
    """A sealed secret as spec vault §9 has it. What is base64 is for the vault to judge."""

    key_version: KeyVersion
    salt: Annotated[str, _base64(MAX_SALT)]
    iv: Annotated[str, _base64(64)]
    data: Annotated[str, _base64(MAX_DATA)]


class ResealInput(Input, frozen=True):
    credential: Blob
    key_version: KeyVersion


class HeadInput(Input, frozen=True):
    """The last row of an audit log: its number, and its hash in lower case."""

    number: Annotated[int, msgspec.Meta(ge=1, le=MAX_NUMBER)]
    hash: Annotated[str, msgspec.Meta(min_length=64, max_length=64, pattern="^[0-9a-f]{64}$")]


class ConnectionsInput(Input, frozen=True):
    """A page of the connections: those with a higher id than `after`, `limit` of them at most; or those of `ids`."""

    after: ConnectionId = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)] = MAX_PAGE
    ids: Annotated[list[ConnectionId], msgspec.Meta(max_length=MAX_PAGE)] | None = None


class DisconnectInput(Input, frozen=True):
    """Which connections to end: exactly one of the first three is given."""

    id: ConnectionId | None = None
    peer: PeerName | None = None
    all: bool = False
    reason: Reason = ""


T = TypeVar("T", bound=Input)


def read(value: Any, kind: type[T]) -> T:
    """The input as what it must be. Raises CallError INVALID_INPUT, which names the place and never the value."""
    try:
        return msgspec.convert({} if value is None else value, kind)
    except msgspec.ValidationError as error:
        raise invalid_input(str(error)) from None


def secret_bytes(plaintext: str) -> int:
    """How long a secret is, in bytes of UTF-8. Raises CallError INVALID_INPUT above the cap, or where it is no text."""
    try:
        size = len(plaintext.encode())
    except UnicodeEncodeError:
        raise invalid_input("the plaintext is no text: it holds half a surrogate pair") from None
    if size > MAX_PLAINTEXT:
        raise invalid_input(f"the plaintext has {size} bytes; {MAX_PLAINTEXT} are taken")
    return size
