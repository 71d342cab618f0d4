"""Accepting TCP connections: `node.core.listener.Listener` for one protocol, without TLS."""

import asyncio
import socket
from collections import Counter

from node.core.address import origin_of
from node.core.connection import Connection
from node.core.identity import Address
from node.core.listener import Accept
from node.core.metrics import counters, gauges
from node.core.tasks import TaskSet
from node.socket_stream import READ_AHEAD, SocketStream

BACKLOG = 128
_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
"""Who has vanished is noticed after two minutes of quiet: seconds until it is asked, between questions, how many."""
MEANINGS = {
    **gauges(connections="TCP connections that are open."),
    **counters(refused="TCP connections that were closed at once, since there were too many in all or of one address."),
}


class TcpListener:
    """Each connection is one stream of `alpn`, of a stranger: who it is, its protocol has to find out."""

    def __init__(self, alpn: bytes, most: int, most_of_address: int) -> None:
        """Use `bind`. `most` connections at a time, of which so many from one IPv4 address or IPv6 /64."""
        self._alpn = alpn
        self._most = most
        self._most_of_address = most_of_address
        self._origins: Counter[str] = Counter()
        self._tasks = TaskSet()
        self._server: asyncio.Server | None = None
        self._accept: Accept | None = None
        self._refused = 0

    @classmethod
    async def bind(cls, host: str, port: int, alpn: bytes, *, most: int, most_of_address: int) -> "TcpListener":
        """Take the socket; whoever comes before `start` is refused. Port 0 lets the system choose. Raises OSError."""
        listener = cls(alpn, most, most_of_address)
        listener._server = await asyncio.start_server(
            listener._connected, host, port, limit=READ_AHEAD, backlog=BACKLOG
        )
        return listener

    @property
    def address(self) -> Address:
        sockets = () if self._server is None else self._server.sockets
        host, port = sockets[0].getsockname()[:2] if sockets else ("", 0)
        return host, port

    def start(self, accept: Accept) -> None:
        self._accept = accept

    def stop_accepting(self) -> None:
        if self._server is not None:
            self._server.close()

    async def close(self) -> None:
        self.stop_accepting()
        await self._tasks.cancel()

    def snapshot(self) -> dict[str, int]:
        return {"connections": self._origins.total(), "refused": self._refused}

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        address: Address = (peer[0], peer[1]) if peer else ("", 0)
        origin = origin_of(address[0])
        full = self._origins.total() >= self._most or self._origins[origin] >= self._most_of_address
        if self._accept is None or full:
            self._refused += 1
            writer.transport.abort()
            return
        self._origins[origin] += 1
        _keep_asking(writer)
        self._tasks.spawn(self._count(origin, writer), "tcp connection")
        connection = Connection.from_bidi(SocketStream(reader, writer), self._alpn, address, "tcp")
        self._accept(connection, self._alpn, None, address)

    async def _count(self, origin: str, writer: asyncio.StreamWriter) -> None:
        """Give its place back when the connection is closed, and close it with the listener."""
        try:
            await writer.wait_closed()
        except OSError:
            pass
        finally:
            writer.transport.abort()
            self._origins[origin] -= 1
            if not self._origins[origin]:
                del self._origins[origin]


def _keep_asking(writer: asyncio.StreamWriter) -> None:
    """Have the system find out whether the other end is still there."""
    wire = writer.get_extra_info("socket")
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _ALIVE.items():
        if hasattr(socket, name):
            wire.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
