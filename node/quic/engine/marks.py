"""How much writers may have unacknowledged: what we hold for a peer that does not acknowledge."""

from node.quic.engine.windows import ReceiveWindows


class WriteMarks(ReceiveWindows):
    """One mark for a connection, shared equally by its open streams; it grows as windows do, out of the same budget."""

    def _open_marks(self) -> None:
        """To be called once, after the windows were opened."""
        self._first_mark = self._mark = min(self._limits.write_high_water, self._limits.max_write_high_water)

    def write_mark(self) -> int:
        """How many unacknowledged bytes a stream may have before its writer waits."""
        return min(self._mark, self._wanted_mark()) // max(len(self._streams), 1)

    def raise_mark(self) -> None:
        """Have it grow, up to twofold. Called where a writer would wait, so those who write little take nothing."""
        missing = min(self._wanted_mark() - self._mark, self._mark)
        if missing > 0:
            self._mark += self.growth.take(missing)

    def lower_mark(self) -> None:
        """Give back what it has grown by, once the peer has acknowledged everything."""
        grown = self._mark - self._first_mark
        if grown and not self._loss.bytes_in_flight and not any(map(self.unacked, self._streams)):
            self.growth.give_back(grown)
            self._mark = self._first_mark

    def unacked(self, stream_id: int) -> int:
        """Bytes queued or sent on this stream that the peer has not acknowledged."""
        stream = self._streams.get(stream_id)
        return 0 if stream is None else stream.sender._buffer_stop - stream.sender._buffer_start

    def delivered(self, stream_id: int) -> bool:
        """Whether the peer has acknowledged everything queued or sent on this stream, its end included."""
        stream = self._streams.get(stream_id)
        if stream is None or stream.sender.is_finished:
            return True
        return stream.sender._buffer_fin is None and not self.unacked(stream_id)

    def _wanted_mark(self) -> int:
        """Twice what the path carries at once keeps it full; every stream is to have its first mark, if that is more.

        Never more than the limit, so that a peer that reads nothing has us hold no more.
        """
        limits = self._limits
        carried, shared = 2 * int(self._loss.congestion_window), len(self._streams) * limits.write_high_water
        return min(max(carried, shared), limits.max_write_high_water)
