"""Bounds on what a peer's frames can make aioquic's connection keep or do, where the engine alone has none.

What a flood of small frames costs us shall cost its sender as much. A packet may hold frames enough for any honest use;
those beyond are paid from an allowance, and a peer that has used it up loses its connection.
"""

from typing import Any

from aioquic._buffer import Buffer
from aioquic.quic.connection import QuicConnection, QuicConnectionError, QuicReceiveContext
from aioquic.quic.packet import QuicErrorCode, QuicFrameType
from aioquic.quic.recovery import QuicPacketSpace
from aioquic.quic.stream import QuicStream as EngineStream
from aioquic.tls import Epoch

from node.core.rate import Allowance
from node.quic.engine.pieces import Pieces

FREE_FRAMES = 16
"""Frames that any packet may hold, and one more for every 16 bytes of it."""

FRAMES_PER_SECOND = 8_000
"""Frames beyond those, of one connection."""

FURTHER_ACK_COST = 8
"""An acknowledgement behind another one in the same packet counts for so many frames: for each, all packets in flight
are looked at, and no honest peer has two to say."""

IDENTIFIER_COST = 50
"""A connection id given or retired counts for so many frames: each means a new one, random bytes, and a token."""

IDENTIFIERS = 32
"""Those of one packet at most."""

MAX_HELLO = 16 * 1024
"""Bytes of CRYPTO frames of the first level that may wait for those before them. They come from anyone."""

MAX_CRYPTO = 64 * 1024
"""The same of the later levels."""

MAX_PIECES = 8_192
"""Pieces of data of one connection that may wait for those before them, apart from one of each stream; together they
hold about 0.7 MiB."""

MAX_PEER_IDS = 4_096
"""Connection ids that a peer may name without ever saying that those before them are retired."""

MAX_CLOSING = 3.0
"""Seconds after which a closed connection is forgotten, however slow its peer made the path look."""

KEPT_ACKS = 128
"""Sent packets of mere acknowledgements that are remembered; the engine keeps all until the peer acknowledges one."""


def _counted(name: str) -> Any:
    """The engine's method of this name, which handles one kind of frame, made to count each."""
    handle = getattr(QuicConnection, name)

    def handle_counted(self: "GuardedConnection", context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        self._weight += 1
        handle(self, context, frame_type, buf)

    return handle_counted


class GuardedConnection(QuicConnection):
    """aioquic's connection with those bounds. `flooded` tells that the peer broke one of them."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.flooded = False
        self._allowance = Allowance(FRAMES_PER_SECOND)
        self._weight = 0
        self._has_ack = False
        self._pieces = 0
        self._tidy_at = 2 * KEPT_ACKS

    def _flood(self, what: str, frame_type: int = QuicFrameType.PADDING) -> QuicConnectionError:
        self.flooded = True
        return QuicConnectionError(QuicErrorCode.PROTOCOL_VIOLATION, frame_type, what)

    # Floods of frames: those of streams are counted where their stream is looked up

    _handle_data_blocked_frame = _counted("_handle_data_blocked_frame")
    _handle_handshake_done_frame = _counted("_handle_handshake_done_frame")
    _handle_max_data_frame = _counted("_handle_max_data_frame")
    _handle_max_streams_bidi_frame = _counted("_handle_max_streams_bidi_frame")
    _handle_max_streams_uni_frame = _counted("_handle_max_streams_uni_frame")
    _handle_new_token_frame = _counted("_handle_new_token_frame")
    _handle_path_challenge_frame = _counted("_handle_path_challenge_frame")
    _handle_path_response_frame = _counted("_handle_path_response_frame")
    _handle_ping_frame = _counted("_handle_ping_frame")
    _handle_streams_blocked_frame = _counted("_handle_streams_blocked_frame")

    def receive_datagram(self, data: bytes, addr: Any, now: float) -> None:
        # The engine handles what follows a violation until it has sent its close.
        if not self._close_pending:
            super().receive_datagram(data, addr, now)

    def _payload_received(
        self,
        context: QuicReceiveContext,
        plain: bytes,
        crypto_frame_required: bool = False,  # noqa: FBT001, FBT002  as the engine calls it
    ) -> tuple[bool, bool]:
        self._weight = 0
        self._has_ack = False
        # Where a client's hello was lost, the first that arrives may be a probe without any of it. The engine would
        # end the connection for that; the hello comes again.
        outcome = super()._payload_received(context, plain)
        excess = self._weight - FREE_FRAMES - len(plain) // 16
        if excess > 0:
            self._allowance.charge(context.time, excess)
            if not self._allowance.has(context.time):
                raise self._flood("too many small frames")
        return outcome

    def _handle_ack_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        self._weight += FURTHER_ACK_COST if self._has_ack else 1
        self._has_ack = True
        super()._handle_ack_frame(context, frame_type, buf)
        if self._spaces[context.epoch].largest_acked_packet >= self._packet_number:
            raise self._flood("acknowledgement of a packet that was not sent", frame_type)

    def _handle_new_connection_id_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        known = self._peer_cid_sequence_numbers
        if _peek(buf) in known:
            # Said again, as a peer does that takes its packets for lost; some do so many times in one packet.
            self._weight += 1 + len(known) // 8
        else:
            self._weigh_identifier(frame_type)
        super()._handle_new_connection_id_frame(context, frame_type, buf)
        if len(self._peer_cid_sequence_numbers) > MAX_PEER_IDS:
            raise self._flood("too many connection ids", frame_type)

    def _handle_retire_connection_id_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        number = _peek(buf)
        if any(issued.sequence_number == number for issued in self._host_cids):
            self._weigh_identifier(frame_type)
        else:
            self._weight += 1
        super()._handle_retire_connection_id_frame(context, frame_type, buf)

    def _weigh_identifier(self, frame_type: int) -> None:
        self._weight += IDENTIFIER_COST
        if self._weight > IDENTIFIERS * IDENTIFIER_COST:
            raise self._flood("too many connection ids", frame_type)

    # Data that waits for what comes before it

    def _handle_crypto_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        self._weight += 1
        start = buf.tell()
        end = buf.pull_uint_var() + buf.pull_uint_var()
        buf.seek(start)
        most = MAX_HELLO if context.epoch is Epoch.INITIAL else MAX_CRYPTO
        if end - self._crypto_streams[context.epoch].receiver.starting_offset() > most:
            self.flooded = True
            raise QuicConnectionError(QuicErrorCode.CRYPTO_BUFFER_EXCEEDED, frame_type, "too much handshake data waits")
        super()._handle_crypto_frame(context, frame_type, buf)

    def _initialize(self, peer_cid: bytes) -> None:
        super()._initialize(peer_cid)
        for stream in self._crypto_streams.values():
            self._watch(stream)

    def _get_or_create_stream(self, frame_type: int, stream_id: int) -> EngineStream:
        self._weight += 1
        stream = self._streams.get(stream_id)
        if stream is None:
            return super()._get_or_create_stream(frame_type, stream_id)
        if stream.receiver._buffer and not isinstance(stream.receiver._ranges, Pieces):
            # What waits came in one piece. Most streams never have any, and so need no set of ours.
            self._watch(stream)
        return stream

    def _watch(self, stream: EngineStream) -> None:
        waiting = stream.receiver._ranges
        stream.receiver._ranges = Pieces(self._on_piece)
        for piece in waiting:
            stream.receiver._ranges.add(piece.start, piece.stop)

    def _on_piece(self) -> None:
        self._pieces += 1
        if self._pieces > MAX_PIECES:
            # Those that were read since, or went with their stream, are still among them.
            streams = (*self._crypto_streams.values(), *self._streams.values())
            self._pieces = sum(len(stream.receiver._ranges) for stream in streams)
            if self._pieces > MAX_PIECES:
                raise self._flood("too many small pieces of data")

    # What is kept of packets and connections that are over

    def datagrams_to_send(self, now: float) -> list[tuple[bytes, Any]]:
        room = self._room() if self._close_pending else None
        datagrams = super().datagrams_to_send(now)
        if room is not None and sum(len(data) for data, _ in datagrams) > room:
            datagrams = []
        if self._packet_number >= self._tidy_at:
            self._tidy_at = self._packet_number + KEPT_ACKS
            for space in self._spaces.values():
                _forget_acks(space)
        return datagrams

    def _room(self) -> int | None:
        """Bytes that an unproven address may still be sent (RFC 9000 §8.1). The engine forgets them when it closes."""
        path = self._network_paths[0]
        return None if path.is_validated else path.bytes_received * 3 - path.bytes_sent

    def _close_begin(self, is_initiator: bool, now: float) -> None:  # noqa: FBT001  as the engine calls it
        super()._close_begin(is_initiator, now)
        self._close_at = min(self._close_at or now, now + MAX_CLOSING)


def _peek(buf: Buffer) -> int:
    """The number that comes next."""
    start = buf.tell()
    number = buf.pull_uint_var()
    buf.seek(start)
    return number


def _forget_acks(space: QuicPacketSpace) -> None:
    """Nothing waits for a packet that is not in flight: it carried acknowledgements alone."""
    idle = [number for number, packet in space.sent_packets.items() if not packet.in_flight]
    for number in idle[:-KEPT_ACKS]:
        del space.sent_packets[number]
