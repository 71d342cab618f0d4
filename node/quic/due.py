"""Whether a connection has anything to send, found without building a packet for it."""

from typing import Any

from aioquic import tls

from node.quic.windows import ReceiveWindows


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
        return bool(waiting) or self._limits_due() or not all(issued.was_sent for issued in self._host_cids)

    def _path_frames_due(self) -> bool:
        path = self._network_paths[0]
        return len(self._network_paths) > 1 or not path.is_validated or bool(path.remote_challenges)

    def _streams_due(self) -> bool:
        """Streams with something to send, and finished ones, which the engine forgets as it sends."""
        return any(_stream_due(stream) for stream in self._streams.values())


def _stream_due(stream: Any) -> bool:
    receiver, sender = stream.receiver, stream.sender
    return bool(
        not sender.buffer_is_empty
        or sender.reset_pending
        or receiver.stop_pending
        or stream.max_stream_data_local_sent != stream.max_stream_data_local
        or (receiver.is_finished and sender.is_finished)
    )
