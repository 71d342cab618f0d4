"""asyncio's TLS over TCP under the bench's workload, with an Ed25519 key proven by both ends.

It has no streams: what is one elsewhere is here one exchange after the other on the one connection, and a transfer
ends where its size says. So the sixteen requests at once are not measured, and a request costs no new stream. The
kernel does for it what an engine on UDP does itself, and only part of that shows in the server's CPU time and memory.
"""

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.engine_asyncio import self_signed
from bench.engine_side import ALPN, HOST
from bench.engine_workload import HEAD, Duplex, Opener, answer, answered, following


class TlsServer:
    def __init__(self) -> None:
        self.port = 0
        self.open: dict[object, Callable[[], None]] = {}
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Make the keys of both ends; the client's pin is the directory where they lie."""
        directory = Path(os.environ["ALKNET_DATA"])
        for end in ("server", "client"):
            _write_pair(directory / f"{end}.pem")
        context = _context(ssl.PROTOCOL_TLS_SERVER, own=directory / "server.pem", peer=directory / "client.pem")
        context.num_tickets = 0
        self._server = await asyncio.start_server(self._serve, HOST, 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return str(directory)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open[writer] = writer.close
        try:
            while True:
                await answer(await _Incoming.next(reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
        finally:
            del self.open[writer]


class TlsClient:
    @contextlib.asynccontextmanager
    async def connect(self, port: int, pin: str) -> AsyncIterator[Opener]:
        directory = Path(pin)
        context = _context(ssl.PROTOCOL_TLS_CLIENT, own=directory / "client.pem", peer=directory / "server.pem")
        reader, writer = await asyncio.open_connection(HOST, port, ssl=context)
        try:
            yield _Connected(reader, writer)
        finally:
            writer.close()
            await writer.wait_closed()


class _Connected:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def open(self) -> Duplex:
        return _Outgoing(self._reader, self._writer)


class _Exchange:
    """A `Duplex` that reads to the end of its part of the connection, and no further."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._left = 0

    async def read(self, limit: int = 65_536, /) -> bytes:
        data = await self._reader.read(min(limit, self._left))
        self._left -= len(data)
        return data

    async def write(self, data: bytes, /) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def finish(self) -> None:
        """Both ends know where it ends."""


class _Outgoing(_Exchange):
    """The client's: what it writes first is the head."""

    _begun = False

    async def write(self, data: bytes, /) -> None:
        if not self._begun:
            self._begun = True
            self._left = answered(data)
        await super().write(data)


class _Incoming(_Exchange):
    """The server's. It has the head already, which says how much follows."""

    _head = b""

    @classmethod
    async def next(cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> "_Incoming":
        """Raises IncompleteReadError when the client has left."""
        exchange = cls(reader, writer)
        exchange._head = await reader.readexactly(HEAD)
        exchange._left = following(exchange._head)
        return exchange

    async def read(self, limit: int = 65_536, /) -> bytes:
        if self._head:
            head, self._head = self._head, b""
            return head
        return await super().read(limit)


def _context(protocol: int, *, own: Path, peer: Path) -> ssl.SSLContext:
    """Each end trusts the other one's certificate and nothing else."""
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols([ALPN.decode()])
    context.load_cert_chain(own)
    context.load_verify_locations(peer)
    return context


def _write_pair(path: Path) -> None:
    private = Ed25519PrivateKey.generate()
    key = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(key + self_signed(private).public_bytes(Encoding.PEM))
