"""Whether a connection has anything to send, found without building a packet for it."""

from typing import Any

from aioquic import tls
from aioquic.quic.connection import stream_is_client_initiated

from node.quic.engine.windows import ReceiveWindows


class Due(ReceiveWindows):
    """Most passes over a connection find nothing to send; this is what makes such a pass cheap."""

    def nothing_due(self, now: float) -> bool:
        """Whether a pass would send nothing and change nothing. False in doubt."""
        if not self._handshake_confirmed or self._close_pending:
            return False
        acknowledge_at = self._spaces[tls.Epoch.ONE_RTT].ack_at
        if acknowledge_at is not None and acknowledge_at <= now:
            return False
        return not (self._control_frames_due() or self._path_frames_due() or self._streams_due())

    def _control_frames_due(self) -> bool:
        waiting = (
            self._probe_pending
            or self._ping_pending
            or self._handshake_done_pending
            or self._retire_connection_ids
            or self._streams_blocked_pending
            or self._datagrams_pending
            or not self._crypto_streams[tls.Epoch.ONE_RTT].sender.buffer_is_empty
        )
        return bool(waiting) or self._limits_due() or self._identifiers_due()

    def _identifiers_due(self) -> bool:
        for issued in self._host_cids:  # noqa: SIM110  twice as fast as any(), and done in every pass
            if not issued.was_sent:
                return True
        return False

    def _path_frames_due(self) -> bool:
        path = self._network_paths[0]
        return len(self._network_paths) > 1 or not path.is_validated or bool(path.remote_challenges)

    def _streams_due(self) -> bool:
        for stream in self._streams_queue:  # noqa: SIM110  as above
            if _stream_due(stream):
                return True
        return False

    def _forget_finished(self) -> None:
        """Let go of the streams that are over both ways, and let the peer open as many more (RFC 9000 §4.6).

        The engine does so as it sends; here a pass that sends nothing does it too, without building a packet.
        """
        over = [number for number, stream in self._streams.items() if stream.is_finished]
        if not over:
            return
        for number in over:
            del self._streams[number]
            if stream_is_client_initiated(number) != self._is_client:
                self._stream_limit(number).value += 1
        self._streams_queue = [stream for stream in self._streams_queue if not stream.is_finished]

    def datagrams_to_send(self, now: float) -> list[tuple[bytes, Any]]:
        """An acknowledgement that waits for its time goes along with what is sent before."""
        space = self._spaces[tls.Epoch.ONE_RTT]
        planned = space.ack_at
        if planned is None or planned <= now or not self._has_room():
            return super().datagrams_to_send(now)
        space.ack_at = now
        datagrams: list[tuple[bytes, Any]] = super().datagrams_to_send(now)
        if space.ack_at is not None:
            # Nothing could be sent after all.
            space.ack_at = planned
        return datagrams

    def _has_room(self) -> bool:
        """Whether congestion control lets a whole packet go, so that no acknowledgement goes alone."""
        loss = self._loss
        return bool(
            self._handshake_confirmed and loss.congestion_window - loss.bytes_in_flight >= self._max_datagram_size
        )


def _stream_due(stream: Any) -> bool:
    receiver, sender = stream.receiver, stream.sender
    return bool(
        not sender.buffer_is_empty
        or sender.reset_pending
        or receiver.stop_pending
        or stream.max_stream_data_local_sent != stream.max_stream_data_local
    )
