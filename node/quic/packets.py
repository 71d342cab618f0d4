"""Answers to packets that belong to no connection. None keeps state, none is longer than what it answers."""

from dataclasses import dataclass

from aioquic._buffer import Buffer
from aioquic.quic.connection import TRANSPORT_CLOSE_FRAME_CAPACITY
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import (
    QuicErrorCode,
    QuicFrameType,
    QuicPacketType,
    QuicProtocolVersion,
    encode_quic_retry,
    encode_quic_version_negotiation,
    pull_quic_header,
)
from aioquic.quic.packet_builder import QuicPacketBuilder

from node.quic.engine import CONNECTION_ID_LENGTH, VERSIONS

MIN_INITIAL = 1200
"""A datagram shorter than this begins no connection (RFC 9000 §14.1)."""

_LONG_HEADER = 0x80


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
    """The header of a client's first packet in a version of ours; None for everything else."""
    if len(data) < MIN_INITIAL or not is_long(data):
        return None
    try:
        header = pull_quic_header(Buffer(data=data), host_cid_length=CONNECTION_ID_LENGTH)
    except ValueError:
        return None
    # A client's first destination has at least 8 bytes (RFC 9000 §7.2).
    if (
        header.packet_type is not QuicPacketType.INITIAL
        or header.version not in VERSIONS
        or len(header.destination_cid) < 8
    ):
        return None
    return Initial(header.version, header.destination_cid, header.source_cid, header.token)


def retry(initial: Initial, chosen: bytes, token: bytes) -> bytes:
    """The Retry packet that has a client come back with `token`, to the id `chosen` (RFC 9000 §17.2.5)."""
    return encode_quic_retry(initial.version, chosen, initial.source, initial.destination, token)


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
