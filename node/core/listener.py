"""What the endpoint needs of a transport that accepts connections (spec core §10)."""

from typing import Protocol

from node.core.connection import Connection
from node.core.identity import Address


class Accept(Protocol):
    """Called once per completed handshake, on the loop; synchronous, never raises."""

    def __call__(
        self,
        connection: Connection,
        alpn: bytes,
        fingerprint: str | None,
        remote_addr: Address | None,
        *,
        alternative: str | None = None,
    ) -> None: ...


class Listener(Protocol):
    """A bound transport. It holds the socket from its making, and accepts between `start` and `stop_accepting`."""

    @property
    def address(self) -> Address: ...

    def start(self, accept: Accept) -> None:
        """Begin to take handshakes and hand each finished one to `accept`."""
        ...

    def stop_accepting(self) -> None:
        """Refuse new handshakes; connections that exist live on."""
        ...

    async def close(self) -> None:
        """Let the last packets out, then give the socket up. Harmless when repeated."""
        ...
