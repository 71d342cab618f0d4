"""Answers to packets that belong to no connection. None keeps state, none is longer than what it answers."""

from dataclasses import dataclass

from aioquic.quic.connection import TRANSPORT_CLOSE_FRAME_CAPACITY
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import (
    QuicErrorCode,
    QuicFrameType,
    QuicPacketType,
    QuicProtocolVersion,
    encode_quic_version_negotiation,
)
from aioquic.quic.packet_builder import QuicPacketBuilder
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.quic.engine.engine import CONNECTION_ID_LENGTH, VERSIONS

MIN_INITIAL = 1200
"""A datagram shorter than this begins no connection (RFC 9000 §14.1)."""

_LONG_HEADER = 0x80
_LONG_INITIAL_MASK = 0xF0
"""Form, fixed bit and packet type: what tells an Initial from the rest in the first byte."""
_INITIAL = {
    QuicProtocolVersion.VERSION_1.to_bytes(4, "big"): 0xC0,
    QuicProtocolVersion.VERSION_2.to_bytes(4, "big"): 0xD0,
}
"""The first byte of an Initial under that mask, by version: the second numbers packet types anew (RFC 9369 §3.2)."""
_MAX_CONNECTION_ID = 20
_RETRY: dict[int, tuple[int, AESGCM, bytes]] = {
    QuicProtocolVersion.VERSION_1: (
        0xF0,
        AESGCM(bytes.fromhex("be0c690b9f66575a1d766b54e368c84e")),
        bytes.fromhex("461599d35d632bf2239825bb"),
    ),
    QuicProtocolVersion.VERSION_2: (
        0xC0,
        AESGCM(bytes.fromhex("8fb4b01b56ac48e260fbcbcead7ccc92")),
        bytes.fromhex("d86969bc2d7c6d9990efb04a"),
    ),
}
"""First byte, and the key and nonce that are the same for all the world (RFC 9001 §5.8, RFC 9369 §3.3.3)."""


@dataclass(frozen=True, slots=True)
class Initial:
    """The header of a packet that asks for a new connection."""

    version: int
    destination: bytes
    source: bytes
    token: bytes = b""


def is_long(data: bytes) -> bool:
    """Whether a datagram that is not empty begins with a long header, as the packets of a handshake do."""
    return bool(data[0] & _LONG_HEADER)


def destination_of(data: bytes) -> bytes | None:
    """The connection id that a datagram is for; None if it is too short to carry one. Looks at no more than that."""
    if not data:
        return None
    if is_long(data):
        length = data[5] if len(data) > 5 else 0
        start = 6
    else:
        length, start = CONNECTION_ID_LENGTH, 1
    return data[start : start + length] if len(data) >= start + length and length > 0 else None


def unknown_version(data: bytes) -> bytes | None:
    """The Version Negotiation packet that answers a long header of a version we lack (RFC 9000 §6.1), or None."""
    header = _long_header(data)
    if header is None or header.version in (QuicProtocolVersion.NEGOTIATION, *VERSIONS) or len(data) < MIN_INITIAL:
        return None
    return encode_quic_version_negotiation(header.destination, header.source, VERSIONS)


def parse_initial(data: bytes) -> Initial | None:
    """The header of a client's first packet in a version of ours (RFC 9000 §17.2.2); None for everything else.

    Read here byte by byte, since a flood of forged Initials costs us this much each, and no more where Retry is on.
    """
    if len(data) < MIN_INITIAL or data[0] & _LONG_INITIAL_MASK != _INITIAL.get(data[1:5]):
        return None
    version = int.from_bytes(data[1:5], "big")
    end = 6 + data[5]
    # A client's first destination has at least 8 bytes (RFC 9000 §7.2), and none of these versions has more than 20.
    if not 8 <= data[5] <= _MAX_CONNECTION_ID or data[end] > _MAX_CONNECTION_ID:
        return None
    start = end + 1 + data[end]
    token_end = _span(data, start)
    if token_end is None or _span(data, token_end) is None:
        return None
    token = data[start + _prefix(data, start) : token_end]
    return Initial(version, data[6:end], data[end + 1 : start], token)


def retry(initial: Initial, chosen: bytes, token: bytes) -> bytes:
    """The Retry packet that has a client come back with `token`, to the id `chosen` (RFC 9000 §17.2.5)."""
    first, cipher, nonce = _RETRY[initial.version]
    ids = (len(initial.source).to_bytes(), initial.source, len(chosen).to_bytes(), chosen)
    packet = b"".join((first.to_bytes(), initial.version.to_bytes(4, "big"), *ids, token))
    tag = cipher.encrypt(nonce, b"", len(initial.destination).to_bytes() + initial.destination + packet)
    return packet + tag


def refuse(initial: Initial, code: QuicErrorCode = QuicErrorCode.CONNECTION_REFUSED) -> bytes:
    """CONNECTION_CLOSE with this transport code, under the keys that the client's own packet names (RFC 9001 §5.2)."""
    crypto = CryptoPair()
    crypto.setup_initial(cid=initial.destination, is_client=False, version=initial.version)
    builder = QuicPacketBuilder(
        host_cid=initial.destination,
        peer_cid=initial.source,
        version=initial.version,
        is_client=False,
        max_datagram_size=MIN_INITIAL,
    )
    builder.start_packet(QuicPacketType.INITIAL, crypto)
    frame = builder.start_frame(QuicFrameType.TRANSPORT_CLOSE, capacity=TRANSPORT_CLOSE_FRAME_CAPACITY)
    for number in (code, QuicFrameType.PADDING, 0):
        frame.push_uint_var(number)
    datagrams, _ = builder.flush()
    return datagrams[0]


def _long_header(data: bytes) -> Initial | None:
    """Version and connection ids, which every version of QUIC has in the same place (RFC 8999 §5.1)."""
    if len(data) < 7 or not is_long(data):
        return None
    end = 6 + data[5]
    if len(data) <= end or len(data) < end + 1 + data[end]:
        return None
    return Initial(int.from_bytes(data[1:5], "big"), data[6:end], data[end + 1 : end + 1 + data[end]])


def _prefix(data: bytes, start: int) -> int:
    """Bytes of the variable-length integer that begins here (RFC 9000 §16)."""
    return 1 << (data[start] >> 6)


def _span(data: bytes, start: int) -> int | None:
    """Where the field ends that begins here with its own length; None if the datagram ends before."""
    if start >= len(data):
        return None
    begin = start + _prefix(data, start)
    length = int.from_bytes(data[start:begin], "big") & ((1 << 8 * (begin - start) - 2) - 1)
    end = begin + length
    return end if end <= len(data) else None
