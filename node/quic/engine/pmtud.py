"""How large a datagram the path takes: the search of RFC 8899, apart from sockets, clocks and packets."""

BASE = 1200
"""Bytes of UDP payload that every path of QUIC takes (RFC 9000 §14)."""

LADDER = (1280, 1400, 1452, 1472, 4052, 8952, 16_380)
"""What is tried above that: tunnels; 1 500-byte links under IPv6 and IPv4; 4 KiB, jumbo frames; loopback. The engine
writes the length of a frame in 14 bits, which ends the ladder."""

MAX_PROBES = 3
"""A size that was lost so often does not pass."""

RETRY_AFTER = 600.0
"""Seconds after a search, or after a second black hole, until larger sizes are tried again (RFC 8899 §5.1.1)."""


class PathMtu:
    """The search of one end of one connection, for what this end sends. Times are in seconds, sizes in bytes.

    All rungs are tried at once, so that one round trip finds the size of most paths: those too large for our own
    link never leave it, and the others are small beside a first flight. Once one was lost, the lowest that has not
    passed is tried alone, until it passes. A probe is known by the number of its packet.
    """

    __slots__ = ("_black_hole_at", "_losses", "_most", "_resume_at", "_stuck", "_under_way", "size")

    def __init__(self) -> None:
        self.size = BASE
        self._most = LADDER[-1]
        self._losses: dict[int, int] = {}
        self._stuck = False
        self._under_way: dict[int, tuple[int, float]] = {}
        self._resume_at = 0.0
        self._black_hole_at: float | None = None

    def cap(self, most: int) -> None:
        """The peer takes no datagram larger than this (`max_udp_payload_size`, RFC 9000 §18.2)."""
        self._most = min(self._most, most)

    def wanted(self, now: float) -> list[int]:
        """The sizes to probe now, smallest first; mostly none."""
        if self.size >= self._most or self._under_way or now < self._resume_at:
            return []
        larger = [size for size in LADDER if self.size < size <= self._most]
        if larger and self._losses.get(larger[0], 0) >= MAX_PROBES:
            self._losses.clear()
            self._stuck = False
            self._resume_at = now + RETRY_AFTER
            return []
        return larger[:1] if self._stuck else larger

    # What became of the probes

    def sent(self, number: int, size: int, deadline: float) -> None:
        """A probe has left; it counts as lost if nothing is heard of it by `deadline`."""
        self._under_way[number] = (size, deadline)

    def acked(self, number: int) -> bool:
        """True if the path is now known to take more."""
        size, _ = self._under_way.pop(number, (0, 0.0))
        if size <= self.size:
            return False
        self.size = size
        self._stuck = False
        self._losses = {larger: count for larger, count in self._losses.items() if larger > size}
        return True

    def lost(self, number: int) -> None:
        size, _ = self._under_way.pop(number, (0, 0.0))
        if size > self.size:
            self._stuck = True
            self._losses[size] = self._losses.get(size, 0) + 1

    @property
    def deadline(self) -> float | None:
        """When the first of the probes under way counts as lost."""
        return min(deadline for _, deadline in self._under_way.values()) if self._under_way else None

    def expire(self, now: float) -> None:
        for number in [number for number, (_, deadline) in self._under_way.items() if deadline <= now]:
            self.lost(number)

    # What becomes of the path

    def fall_back(self, now: float) -> None:
        """What has passed passes no longer (RFC 8899 §4.3). Once that is searched anew at once, for the path may just
        have become another; if it happens again, the path is not to be trusted for long."""
        again = self._black_hole_at is not None and now < self._black_hole_at + RETRY_AFTER
        self.restart()
        self._black_hole_at = now
        if again:
            self._resume_at = now + RETRY_AFTER

    def restart(self) -> None:
        """The path is another, of which nothing is known yet."""
        self.size = BASE
        self._losses.clear()
        self._stuck = False
        self._under_way.clear()
        self._resume_at = 0.0
        self._black_hole_at = None
