"""Receive windows that follow what was read, not what has arrived (decision 20), and grow while the reader keeps up."""

from aioquic.quic.connection import Limit, QuicConnection
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.quic.recovery import QuicPacketSpace
from aioquic.quic.stream import QuicStream as EngineStream

from node.quic.engine.budget import Part
from node.quic.limits import QuicLimits


class Window:
    """How far ahead of its reader a peer may send: doubled, up to a cap, while nothing else holds the peer back."""

    __slots__ = ("_cap", "_granted_at", "_growth", "size")

    def __init__(self, size: int, cap: int, growth: Part | None = None) -> None:
        """Growth is taken from `growth`, and where nothing is left there, the window stays as it is."""
        self.size = size
        self._growth = growth
        self._cap = max(size, cap)
        self._granted_at: float | None = None

    def worth_a_packet(self, step: int) -> bool:
        """Whether a limit may rise by so much that the peer should hear of it."""
        return step >= self.size // 4

    def grant(self, now: float, round_trip: float) -> int:
        """Called as the limit is raised, with a quarter of the window read since the last time. By what it grew.

        A peer that is held back by the window alone is heard a quarter of it in a quarter of a round trip. Twice as
        slow still counts, so that the window is ahead of what the path can carry.
        """
        since = None if self._granted_at is None else now - self._granted_at
        if since == 0:
            return 0
        self._granted_at = now
        if since is None or since > round_trip / 2:
            return 0
        wanted = min(2 * self.size, self._cap) - self.size
        grown = wanted if self._growth is None else self._growth.take(wanted)
        self.size += grown
        return grown


class ReceiveWindows(QuicConnection):
    """The engine doubles a window once half of it has arrived, read or not. Here a limit is what was read, plus one
    window; so that is the most that a peer can make us hold, however sparse its frames are."""

    def _open_windows(self, limits: QuicLimits, growth: Part) -> None:
        """To be called once, before any packet."""
        self._limits = limits
        self.growth = growth
        self._consumed = 0
        self._window = Window(limits.connection_window, limits.max_connection_window, growth)
        self._passed_at = 0.0
        _set_limit(self._local_max_streams_bidi, limits.max_streams)
        _set_limit(self._local_max_streams_uni, limits.max_uni_streams)

    def stream_window(self) -> Window:
        """The window of a stream that is new. It lies within the connection's, so its growth is taken from nothing."""
        return Window(self._limits.stream_window, self._limits.max_stream_window)

    def read(self, stream_id: int, count: int, unread: int, window: Window, dropped: int = 0) -> bool:
        """Grant the peer what a reader took: `count` bytes, leaving `unread`. True if it is worth a packet.

        Of the connection's window, `dropped` of them were granted before.
        """
        granted = self.drop(count - dropped)
        stream = self._streams.get(stream_id)
        if stream is None or stream.receiver.is_finished:
            return granted
        limit = stream.receiver.starting_offset() - unread + window.size
        if not window.worth_a_packet(limit - stream.max_stream_data_local):
            return granted
        stream.max_stream_data_local = limit + window.grant(self._passed_at, self._loss._rtt_smoothed)
        return True

    def drop(self, count: int) -> bool:
        """Grant the connection, and no stream, `count` bytes more. True if it is worth a packet."""
        self._consumed += count
        limit = self._consumed + self._window.size
        if not self._window.worth_a_packet(limit - self._local_max_data.value):
            return False
        self._local_max_data.value = limit + self._window.grant(self._passed_at, self._loss._rtt_smoothed)
        return True

    def undelivered(self, stream_id: int) -> int:
        """Bytes that count against the connection's window and can no longer arrive, after the peer's reset."""
        stream = self._streams.get(stream_id)
        return 0 if stream is None else stream.receiver.highest_offset - stream.receiver.starting_offset()

    def _limits_due(self) -> bool:
        """Whether the peer is to hear of a new limit of the connection."""
        window = self._local_max_data
        if window.value != window.sent:
            return True
        for limit in (self._local_max_streams_bidi, self._local_max_streams_uni):
            # The engine waits until it can grant as many streams as the peer has left.
            if limit.sent - limit.used < limit.value - limit.sent:
                return True
        return False

    def _write_connection_limits(self, builder: QuicPacketBuilder, space: QuicPacketSpace) -> None:
        # Called for every packet, though a limit moves rarely.
        if not self._limits_due():
            return
        # The engine is shown that nothing has arrived, so that it leaves the window alone.
        window = self._local_max_data
        used, window.used = window.used, 0
        try:
            super()._write_connection_limits(builder, space)
        finally:
            window.used = used

    def _write_stream_limits(self, builder: QuicPacketBuilder, space: QuicPacketSpace, stream: EngineStream) -> None:
        if stream.max_stream_data_local_sent == stream.max_stream_data_local:
            return
        receiver = stream.receiver
        arrived, receiver.highest_offset = receiver.highest_offset, 0
        try:
            super()._write_stream_limits(builder, space, stream)
        finally:
            receiver.highest_offset = arrived


def _set_limit(limit: Limit, value: int) -> None:
    limit.value = limit.sent = value
