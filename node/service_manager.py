"""Tells systemd how a service is, over the socket that it names in NOTIFY_SOCKET (sd_notify(3)).

Without that variable nothing is told, and nothing waits. The watchdog's pings come from the event loop: a loop that
stands still sends none, and the service manager starts the process again. Standard library only: the web process and
the node both use it.
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator, Mapping

NOTIFY_SOCKET = "NOTIFY_SOCKET"
WATCHDOG_USEC = "WATCHDOG_USEC"
WATCHDOG_PID = "WATCHDOG_PID"

PINGS = 3
"""Pings in the time in which the service manager expects one."""


class ServiceManager:
    """The service manager of this process, or nobody where `address` is None. No method raises, and none waits."""

    def __init__(self, address: str | bytes | None = None, watchdog: float | None = None) -> None:
        self._address = address
        self.watchdog = watchdog
        """Seconds in which it expects a ping; None where it expects none."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "ServiceManager":
        """As systemd names itself to this process. A name that begins with @ is an abstract one (unix(7))."""
        name = environment.get(NOTIFY_SOCKET, "")
        if not name.startswith(("/", "@")):
            return cls()
        address = b"\0" + os.fsencode(name[1:]) if name.startswith("@") else name
        return cls(address, _watchdog(environment))

    def ready(self, status: str) -> None:
        """The service does what it is there for; also after `reloading`."""
        self._tell("READY=1", f"STATUS={status}")

    def status(self, status: str) -> None:
        """A sentence for `systemctl status`."""
        self._tell(f"STATUS={status}")

    def reloading(self) -> None:
        """The settings are being read again."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """The end has begun."""
        self._tell("STOPPING=1", "STATUS=stopping")

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Send pings from the loop for as long as the block lasts, where any are expected."""
        pinging = asyncio.ensure_future(self._ping(self.watchdog)) if self.watchdog else None
        try:
            yield
        finally:
            if pinging is not None:
                pinging.cancel()

    async def _ping(self, every: float) -> None:
        while True:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(every / PINGS)

    def _tell(self, *lines: str) -> None:
        """One datagram. A manager that is gone, or does not read, is no reason to stop."""
        if self._address is None:
            return
        message = "\n".join(line.replace("\n", " ") for line in lines).encode()
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock,
        ):
            sock.settimeout(0)
            sock.sendto(message, self._address)


def _watchdog(environment: Mapping[str, str]) -> float | None:
    """Seconds, if it is this process that is watched (sd_watchdog_enabled(3))."""
    try:
        microseconds = int(environment.get(WATCHDOG_USEC, ""))
        pid = int(environment.get(WATCHDOG_PID) or os.getpid())
    except ValueError:
        return None
    return microseconds / 1e6 if microseconds > 0 and pid == os.getpid() else None
