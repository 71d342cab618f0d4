"""Listening for a client: sockets that are bound as it asked and as the rules allow, until it or they say otherwise."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Sequence

from node.handlers.ssh.forwarding.dial import READ_AHEAD
from node.handlers.ssh.forwarding.gate import Wish
from node.handlers.ssh.forwarding.places import Place

BACKLOG = 128
_NO_SUCH_FAMILY = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)

Accepted = Callable[["Listening", asyncio.StreamReader, asyncio.StreamWriter], None]


class Listening:
    """asyncssh takes this for a listener of its own, and closes it when the client or the connection's end says so."""

    def __init__(self, wish: Wish, place: Place, asked: str, port: int = 0) -> None:
        """`asked` is the address or path as the client wrote it, by which it knows what comes."""
        self.wish = wish
        self.asked = asked
        self.port = port
        self.closed = False
        self.over: list[Callable[[], None]] = [place.free]
        """Each called once, at the end."""
        self._servers: list[asyncio.Server] = []

    async def start(self, sockets: Sequence[socket.socket], accepted: Accepted) -> None:
        """Listen on all of them or on none, and hand over whoever comes. Raises OSError."""

        def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted(self, reader, writer)

        kinds = {socket.AF_UNIX: asyncio.start_unix_server}
        try:
            for sock in sockets:
                serve = kinds.get(sock.family, asyncio.start_server)
                self._servers.append(await serve(come, sock=sock, limit=READ_AHEAD, backlog=BACKLOG))
        except BaseException:
            self._stop()
            raise

    def get_port(self) -> int:
        """asyncssh asks for it where the client has left it to the system."""
        return self.port

    def close(self) -> None:
        """Take no more connections; those that there are go on. Harmless when repeated."""
        self.closed = True
        self._stop()
        while self.over:
            self.over.pop()()

    async def wait_closed(self) -> None:
        """Nothing is left to wait for."""

    def _stop(self) -> None:
        for server in self._servers:
            server.close()


def bind(addresses: Sequence[str], port: int) -> list[socket.socket]:
    """Sockets of these addresses and one port, not listening yet. A family that this machine has not is left out.

    Raises OSError.
    """
    with contextlib.ExitStack() as undo:
        sockets: list[socket.socket] = []
        for address in addresses:
            sock = undo.enter_context(contextlib.closing(_socket(address)))
            try:
                sock.bind((address, port))
            except OSError as error:
                if error.errno not in _NO_SUCH_FAMILY or len(addresses) == 1:
                    raise
                continue
            port = sock.getsockname()[1]
            sockets.append(sock)
        if not sockets:
            raise OSError(errno.EADDRNOTAVAIL, "no address to listen on")
        undo.pop_all()
        return sockets


def _socket(address: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return sock
