"""Keeping a connection from falling idle, for those that ask for it (RFC 9000 §10.1.2)."""

from aioquic.quic.connection import END_STATES, QuicConnection

IDLE_SHARE = 0.5
"""The part of the idle time-out after which a ping is sent at the latest, so that a lost one can be repeated."""

SHORTEST = 0.5
"""Seconds: for the sake of the idle time-out no ping leaves sooner. A peer with a shorter one has its connection end,
where it would else have us ping it hundreds of times a second.
"""


class KeptAlive(QuicConnection):
    """A ping leaves once nothing was received, or asked for, during `interval`. Costs nothing where it is not wanted.

    A vanished peer is not kept alive by that: pings that nobody acknowledges do not put the idle time-out off.
    """

    _interval: float | None = None
    _pinged_at = 0.0

    def keep_alive(self, interval: float) -> None:
        """From now on and to the connection's end. `interval` is in seconds; the last one given holds."""
        self._interval = interval

    def get_timer(self) -> float | None:
        due: float | None = super().get_timer()
        return due if self._interval is None or due is None else min(due, self._ping_at(self._interval))

    def handle_timer(self, now: float) -> None:
        super().handle_timer(now)
        if self._interval is not None and self._state not in END_STATES and now >= self._ping_at(self._interval):
            self._pinged_at = now
            self.send_ping(0)

    def _ping_at(self, interval: float) -> float:
        """In a connection that has ended this is never."""
        if self._close_at is None or self._state in END_STATES:
            return float("inf")
        idle_timeout: float = self._idle_timeout()
        # The engine puts the time-out off whenever the connection was not quiet, so that tells since when it has been.
        quiet_since = self._close_at - idle_timeout
        return max(quiet_since, self._pinged_at) + min(interval, max(IDLE_SHARE * idle_timeout, SHORTEST))
