"""aioquic's connection, bent where it must be: TLS of our own, windows that follow what was read (decision 20).

Every private name of aioquic's connection and streams that we touch is touched in this file and in those of its bases;
`selftest` checks each.
"""

from collections.abc import Callable, Iterator
from typing import Any

from aioquic import tls
from aioquic._buffer import Buffer
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import (
    END_STATES,
    QuicConnectionState,
    QuicReceiveContext,
    stream_is_client_initiated,
    stream_is_unidirectional,
)
from aioquic.quic.packet import QuicErrorCode, QuicFrameType, QuicProtocolVersion

from node.core.live import Live
from node.quic.engine.budget import Budget, Part
from node.quic.engine.due import Due
from node.quic.engine.ending import EndCause, Ending, clip, printable_reason
from node.quic.engine.identifiers import Recognisable
from node.quic.engine.keepalive import KeptAlive
from node.quic.engine.lean import LeanConnection
from node.quic.engine.marks import WriteMarks
from node.quic.engine.paths import RovingConnection
from node.quic.engine.phases import PhasedKeys
from node.quic.engine.probing import PathProbing
from node.quic.engine.reset import ResetTokens
from node.quic.limits import QuicLimits
from node.quic.tls.handshake import ClientTls, ServerTls

CONNECTION_ID_LENGTH = 8
VERSIONS: list[int] = [QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2]
"""What a listener speaks. The client's order of preference decides between them (RFC 9368 §2.3)."""
DIALLED_VERSIONS: list[int] = [QuicProtocolVersion.VERSION_1]
"""What a dialler offers. It has one only, so no network in between can talk it down to another."""

Handshake = ClientTls | ServerTls
KEY_UPDATE_PACKETS = 1 << 22
"""Packets under one key before it is replaced: half of what AES-GCM allows (RFC 9001 §6.6)."""

_ENDED = tuple(END_STATES)
"""Looked through by identity, which is quicker than the hash of an Enum."""

MakeHandshake = Callable[[tls.Context], Handshake]


def configuration(limits: QuicLimits, alpns: list[str], *, is_client: bool) -> QuicConfiguration:
    """What both roles tell the engine. Tickets, 0-RTT and datagrams stay off (decision 10)."""
    return QuicConfiguration(
        is_client=is_client,
        alpn_protocols=alpns,
        connection_id_length=CONNECTION_ID_LENGTH,
        idle_timeout=limits.idle_timeout,
        max_data=limits.connection_window,
        max_stream_data=limits.stream_window,
        supported_versions=DIALLED_VERSIONS if is_client else VERSIONS,
    )


class Engine(RovingConnection, Recognisable, LeanConnection, PathProbing, KeptAlive, WriteMarks, Due):
    """One connection's state machine. It does no I/O and never looks at a clock."""

    def __init__(
        self,
        settings: QuicConfiguration,
        limits: QuicLimits,
        make_handshake: MakeHandshake,
        original_destination: bytes | None = None,
        retry_source: bytes | None = None,
        reset_tokens: ResetTokens | None = None,
        growth: Part | None = None,
    ) -> None:
        super().__init__(
            configuration=settings,
            original_destination_connection_id=original_destination,
            retry_source_connection_id=retry_source,
        )
        self._make_handshake = make_handshake
        self._reset_tokens = reset_tokens
        self._idled = False
        self._key_phase = 0
        self._key_since = 0
        self.handshake: Handshake | None = None
        self._open_windows(limits, growth or Budget(Live(limits)).part())
        self._open_marks()
        self._start_probing()
        self._name_reset_tokens()

    # The connection's life

    @property
    def begun(self) -> bool:
        """Whether one packet of the peer could be decrypted."""
        return self._state is not QuicConnectionState.FIRSTFLIGHT

    @property
    def ended(self) -> bool:
        """Whether nothing more will be sent (RFC 9000 §10.2)."""
        return self._state in _ENDED

    @property
    def drained_at(self) -> float:
        """When a connection that has ended may be forgotten; until then, what its peer sends is known to be its."""
        return self._close_at or 0.0

    @property
    def ending(self) -> Ending | None:
        """How the connection ended, as soon as that is known: draining periods are not waited for."""
        event = self._close_event
        if event is None:
            return None
        if self._idled:
            return Ending(EndCause.IDLE, reason="idle timeout")
        cause = EndCause.REMOTE if self._state is QuicConnectionState.DRAINING else EndCause.LOCAL
        return Ending(cause, int(event.error_code), printable_reason(event.reason_phrase), event.frame_type is not None)

    def close(
        self, error_code: int = QuicErrorCode.NO_ERROR, frame_type: int | None = None, reason_phrase: str = ""
    ) -> None:
        """As the engine's own, with a reason that is sure to fit the packet."""
        super().close(error_code, frame_type, clip(reason_phrase))

    def abandon(self, reason: str) -> None:
        """Close on behalf of the transport itself, not of the application."""
        self.close(QuicErrorCode.CONNECTION_REFUSED, QuicFrameType.PADDING, reason)

    def fail(self) -> None:
        """Close because of a fault of ours."""
        self.close(QuicErrorCode.INTERNAL_ERROR, QuicFrameType.PADDING, "internal error")

    def handle_timer(self, now: float) -> None:
        self._idled = self._close_event is None and self._close_at is not None and now >= self._close_at
        super().handle_timer(now)

    def datagrams_to_send(self, now: float) -> list[tuple[bytes, Any]]:
        self._passed_at = now
        if self.ended:
            return []
        self._forget_finished()
        if self.nothing_due(now):
            self._pacing_at = None
            return []
        if self._handshake_confirmed and not self._close_pending:
            self._shed_handshake()
            self._renew_keys(now)
            self._check_path(now)
        datagrams: list[tuple[bytes, Any]] = super().datagrams_to_send(now)
        return datagrams + self._probes(datagrams, now)

    def _renew_keys(self, now: float) -> None:
        """Replace the keys once the peer has acknowledged enough packets under them.

        To wait for acknowledgements is also what keeps a second update from overtaking the first (RFC 9001 §6.1). The
        peer's own updates start the count again, as they replace both directions' keys.
        """
        if self._keys.keeps_old:
            self._keys.forget_old(now, 3 * self._loss.get_probe_timeout())
        phase = self._keys.key_phase
        if phase != self._key_phase:
            self._key_phase, self._key_since = phase, self._packet_number
        elif self._spaces[tls.Epoch.ONE_RTT].largest_acked_packet - self._key_since >= KEY_UPDATE_PACKETS:
            self.request_key_update()

    def pending_events(self) -> Iterator[events.QuicEvent]:
        while self._events:
            yield self._events.popleft()

    # TLS

    def _initialize(self, peer_cid: bytes) -> None:
        if self.handshake is not None and not self._is_client:
            # The engine begins anew at every packet of a first datagram that it cannot decrypt, and many fit in one.
            return
        super()._initialize(peer_cid)
        self._keys = self._cryptos[tls.Epoch.ONE_RTT] = PhasedKeys()
        self.handshake = self._make_handshake(self.tls)
        self.tls = self.handshake

    def _alpn_handler(self, alpn_protocol: str) -> None:
        # The engine may rebuild the list of extensions in here, so ours are added after it.
        super()._alpn_handler(alpn_protocol)
        if self.handshake is not None:
            self.handshake.negotiated()

    def _handle_crypto_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        # The engine hands on the data of every encryption level alike.
        if self.handshake is not None:
            self.handshake.level = context.epoch
        super()._handle_crypto_frame(context, frame_type, buf)

    # Streams

    def is_peer_bidi(self, stream_id: int) -> bool:
        """Whether the peer opened this stream, for both directions."""
        return not stream_is_unidirectional(stream_id) and stream_is_client_initiated(stream_id) != self._is_client

    def is_live(self, stream_id: int) -> bool:
        """Whether either direction is unfinished, acknowledgements included."""
        stream = self._streams.get(stream_id)
        return stream is not None and not stream.is_finished

    def transferred(self) -> tuple[int, int]:
        """Bytes of all streams that have come, and that have been sent for the first time (RFC 9000 §4.1)."""
        return self._local_max_data.used, self._remote_max_data_used

    def can_open(self) -> bool:
        """Whether the peer lets us open one more two-way stream now."""
        return self._local_next_stream_id_bidi // 4 < self._remote_max_streams_bidi

    def open(self) -> int:
        """Open a two-way stream; the peer learns of it by the first byte."""
        stream_id = self.get_next_available_stream_id()
        self.send_stream_data(stream_id, b"")
        return stream_id

    def abort_stream(self, stream_id: int, code: int) -> None:
        """Reset our direction and ask the peer to stop its own; finished directions are left alone."""
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        if self._stream_can_send(stream_id):
            stream.sender.reset(code)
        self.stop_receiving(stream_id, code)

    def stop_receiving(self, stream_id: int, code: int) -> None:
        """Ask the peer to stop its direction, unless that is finished."""
        stream = self._streams.get(stream_id)
        if stream is not None and not stream.receiver.is_finished:
            stream.receiver.stop(code)
