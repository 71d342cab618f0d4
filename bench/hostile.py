"""Hand-made frames, in packets that a peer takes for those of an engine of ours."""

from collections.abc import Iterable, Iterator

from aioquic.buffer import encode_uint_var
from aioquic.quic.packet import QuicPacketType, QuicProtocolVersion
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.tls import Epoch

from node.quic.engine.engine import Engine

PAYLOAD = 1150
"""Bytes of frames that fit a datagram of 1200 bytes."""


def frame(kind: int, *numbers: int, tail: bytes = b"") -> bytes:
    """A frame of this type, with variable-length numbers and raw bytes behind them."""
    return b"".join(map(encode_uint_var, (kind, *numbers))) + tail


def stream_frame(stream_id: int, offset: int, data: bytes = b"x", *, fin: bool = False) -> bytes:
    return frame(0x0F if fin else 0x0E, stream_id, offset, len(data), tail=data)


def packed(frames: Iterable[bytes], size: int = PAYLOAD) -> Iterator[bytes]:
    """As many frames to a payload as fit."""
    payload = b""
    for one in frames:
        if len(payload) + len(one) > size:
            yield payload
            payload = b""
        payload += one
    if payload:
        yield payload


def sealed(engine: Engine, payload: bytes, epoch: Epoch = Epoch.ONE_RTT) -> bytes:
    """A datagram that the engine's peer will take for the engine's own."""
    kind = {Epoch.INITIAL: QuicPacketType.INITIAL, Epoch.HANDSHAKE: QuicPacketType.HANDSHAKE}
    builder = QuicPacketBuilder(
        host_cid=engine.host_cid,
        peer_cid=engine._peer_cid.cid,
        version=engine._version or QuicProtocolVersion.VERSION_1,
        is_client=engine._is_client,
        max_datagram_size=max(1200, len(payload) + 50),
        packet_number=engine._packet_number,
    )
    builder.start_packet(kind.get(epoch, QuicPacketType.ONE_RTT), engine._cryptos[epoch])
    builder.start_frame(0, capacity=1).push_bytes(payload)
    engine._packet_number += 1
    return builder.flush()[0][0]
