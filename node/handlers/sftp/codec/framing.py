"""Whole packets to bytes and back: a length of four bytes, the type, and what the type has (§3)."""

from dataclasses import fields
from operator import attrgetter
from typing import Any

from node.handlers.sftp.codec.packets import PACKETS, Init, Packet, Version
from node.handlers.sftp.codec.wire import BadMessage, Reader, pack_u32

PREFIX = 4
"""Bytes of the length before each packet."""
MAX_PACKET = 256 * 1024
"""Bytes of a packet, without its length: the default, which is OpenSSH's bound too."""

_VALUES = {kind: attrgetter(*(field.name for field in fields(kind))) for kind in PACKETS.values()}
_WRITERS = {kind: tuple(part.write for part in kind.KINDS) for kind in PACKETS.values()}


class UnknownPacket(BadMessage):
    """A packet of a type that version 3 does not have. Who asked is told, and may go on (§3)."""


def frame_length(prefix: bytes | memoryview, max_packet: int = MAX_PACKET) -> int:
    """Bytes of the packet whose four bytes of length these are. Raises BadMessage: nothing after it can be read."""
    length = Reader(prefix).u32()
    if not 1 <= length <= max_packet:
        raise BadMessage("a packet is empty, or too long")
    return length


def frame(body: bytes) -> bytes:
    """A packet with its length before it."""
    return pack_u32(len(body)) + body


def encode(packet: Packet) -> bytes:
    """The whole packet, its length included. Raises BadMessage where a value has no place on the wire."""
    kind = type(packet)
    parts = [write(value) for write, value in zip(_WRITERS[kind], _VALUES[kind](packet), strict=True)]
    head = pack_u32(1 + sum(map(len, parts))) + bytes((packet.TYPE,))
    return b"".join((head, *parts))


def decode(body: bytes | memoryview) -> Packet:
    """The packet, of bytes without their length. What follows its last field is passed over (§3).

    Raises UnknownPacket, BadMessage, either with the id of the request wherever it could be read.
    """
    reader = Reader(body)
    number = reader.take(1)[0]
    kind: Any = PACKETS.get(number)
    if kind is None:
        raise UnknownPacket(f"there is no packet of type {number}", _id_of(body))
    try:
        return kind(*[part.read(reader) for part in kind.KINDS])  # type: ignore[no-any-return]
    except BadMessage as bad:
        raise BadMessage(str(bad), None if kind in (Init, Version) else _id_of(body)) from None


def _id_of(body: bytes | memoryview) -> int | None:
    return Reader(body[1:5]).u32() if len(body) >= 5 else None
