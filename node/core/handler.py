"""The contract of a protocol handler (spec core §2)."""

from typing import Protocol

from node.core.connection import Connection
from node.core.identity import AuthContext


class ProtocolHandler(Protocol):
    """One protocol, named by one ALPN. One shared object serves all connections for the life of the process.

    It keeps no state of a connection on itself, gets its services by its constructor, and owns framing and any further
    authentication. Returning or raising ends the connection it was given, and no other.
    """

    alpn: bytes

    async def handle(self, connection: Connection, auth: AuthContext) -> None:
        """Serve one connection to its end. `auth` is what TLS proved, and may name nobody. Raises HandlerError."""
        ...
