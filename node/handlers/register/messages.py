"""What is said over the one stream of `alknet/register`: frames of JSON, each with its length in two bytes before it.

    joiner                                    node
    ask: secret, commitment, name      →
                                       ←      challenge: the node's nonce      (or refused, or busy)
    reveal: the joiner's nonce         →
                                       ←      told: received, queued, admitted, refused or kept, as it becomes known

The node writes the claim down before it says `received`. `admitted`, `refused`, `busy` and `kept` are its last words.
"""

import struct
from enum import StrEnum
from typing import TypeVar

import msgspec

from node.core.connection import BiStream
from node.core.enrolment.code import SECRET_BYTES
from node.core.enrolment.derived import NONCE_BYTES

VERSION = 1
MAX_MESSAGE = 2048
_PREFIX = struct.Struct(">H")


class MessageError(ValueError):
    """The other side said what is no message here."""


class Ask(msgspec.Struct, frozen=True):
    """`secret`, `commitment` in hex; `name` is what the joiner would like to be called, or empty."""

    version: int
    secret: str
    commitment: str
    name: str = ""

    def __repr__(self) -> str:
        return "Ask(…)"


class Reveal(msgspec.Struct, frozen=True):
    """The nonce that was committed to, in hex."""

    nonce: str


class Word(StrEnum):
    CHALLENGE = "challenge"
    RECEIVED = "received"
    """The claim is written down. Nobody has looked at it yet."""
    QUEUED = "queued"
    """Somebody has to decide."""
    ADMITTED = "admitted"
    REFUSED = "refused"
    KEPT = "kept"
    """It stays as it is, and the node waits no longer: ask again later, with the same key and code."""
    BUSY = "busy"
    """Nothing was looked at: ask again later."""


LAST_WORDS = frozenset({Word.ADMITTED, Word.REFUSED, Word.KEPT, Word.BUSY})


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the node says. `peer_id` is the name of an admitted peer, `message` for people."""

    word: Word
    nonce: str = ""
    peer_id: str = ""
    message: str = ""


_Message = TypeVar("_Message", Ask, Reveal, Told)


async def send(stream: BiStream, message: Ask | Reveal | Told) -> None:
    """Raises StreamError."""
    body = msgspec.json.encode(message)
    await stream.write(_PREFIX.pack(len(body)) + body)


async def receive(stream: BiStream, kind: type[_Message]) -> _Message:
    """The next message. Raises MessageError, StreamError, and EOFError where the other side has ended."""
    (length,) = _PREFIX.unpack(await stream.read_exactly(_PREFIX.size))
    if not 0 < length <= MAX_MESSAGE:
        raise MessageError("a message is too long")
    try:
        return msgspec.json.decode(await stream.read_exactly(length), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MessageError("a message is not understood") from None


def secret_of(ask: Ask) -> bytes:
    """Raises MessageError."""
    return _bytes(ask.secret, SECRET_BYTES)


def commitment_of(ask: Ask) -> bytes:
    """Raises MessageError."""
    return _bytes(ask.commitment, 32)


def nonce_of(message: Reveal | Told) -> bytes:
    """Raises MessageError."""
    return _bytes(message.nonce, NONCE_BYTES)


def _bytes(text: str, count: int) -> bytes:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != count or len(text) != 2 * count:
        raise MessageError("a value has not the right length")
    return raw
