"""A socket pair between the supervisor and one child: readiness goes up, and either side learns that the other is gone.

The kernel closes a dead process's end, however it died, so a child never outlives its supervisor and needs neither a
pid file nor a signal to know. A line of JSON goes up when the child serves, and again when what it said has changed;
nothing comes down. Standard library only: the web process and the node both use it.
"""

import asyncio
import json
import socket
from typing import Any

MAX_READY_LINE = 64 * 1024
"""Longest ready line that the supervisor takes, in bytes."""


class Lifeline:
    """The child's end. Without a descriptor (started by hand) it says nothing and waits for ever."""

    def __init__(self, sock: socket.socket | None) -> None:
        self._socket = sock

    @classmethod
    def from_fd(cls, fd: int | None) -> "Lifeline":
        """Take over an inherited descriptor (`--ready-fd`). Raises OSError if it is not a socket."""
        if fd is None:
            return cls(None)
        sock = socket.socket(fileno=fd)
        sock.settimeout(0)
        sock.set_inheritable(False)
        return cls(sock)

    def ready(self, **facts: Any) -> None:
        """Tell the supervisor that this process serves, or what is different now. One that is gone is no error here."""
        if self._socket is None:
            return
        try:
            self._socket.send(json.dumps(facts).encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            return

    async def wait_parent_gone(self) -> None:
        """Return once the supervisor has died or let go. Cancel it to stop waiting."""
        if self._socket is None:
            await asyncio.Event().wait()
            return
        loop = asyncio.get_running_loop()
        try:
            while await loop.sock_recv(self._socket, 4096):
                pass
        except ConnectionResetError:
            return

    def close(self) -> None:
        """Give the descriptor up. Harmless when repeated."""
        if self._socket is not None:
            self._socket.close()


class ParentLifeline:
    """The supervisor's end, and the child's until it is started. Pass `child_fd` on, then call `started`."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.settimeout(0)
        self._received = b""

    @property
    def child_fd(self) -> int:
        """The descriptor for `pass_fds` and `--ready-fd`."""
        return self._theirs.fileno()

    def started(self) -> None:
        """Close our copy of the child's end; without this its death would go unseen."""
        self._theirs.close()

    async def read_ready(self) -> dict[str, Any] | None:
        """The next facts that the child tells, or None if it ended. Raises ValueError on anything but a JSON object.

        A wait that is cancelled loses nothing.
        """
        loop = asyncio.get_running_loop()
        while b"\n" not in self._received:
            if len(self._received) > MAX_READY_LINE:
                raise ValueError("the ready line is too long")
            part = await self._receive(loop)
            if not part:
                return None
            self._received += part
        line, _, self._received = self._received.partition(b"\n")
        facts = json.loads(line)
        if not isinstance(facts, dict):
            raise ValueError("the ready line is not an object")
        return facts

    async def _receive(self, loop: asyncio.AbstractEventLoop) -> bytes:
        try:
            return await loop.sock_recv(self._ours, 4096)
        except ConnectionResetError:
            return b""

    def close(self) -> None:
        """Let go of the child: its `wait_parent_gone` returns. Harmless when repeated."""
        self._theirs.close()
        self._ours.close()
