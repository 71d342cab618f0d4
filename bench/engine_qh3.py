"""qh3 under the bench's workload: its `serve`, `connect` and `create_stream`, with its own windows and settings.

Only its server proves a key: its TLS has no request for a client's certificate.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from qh3.asyncio.client import connect
from qh3.asyncio.protocol import QuicConnectionProtocol
from qh3.asyncio.server import serve
from qh3.quic.configuration import QuicConfiguration
from qh3.quic.connection import QuicConnection
from qh3.quic.events import ConnectionTerminated, HandshakeCompleted, QuicEvent
from qh3.tls import SignatureAlgorithm

from bench.engine_asyncio import AsyncioStream, self_signed
from bench.engine_side import ALPN, HOST, IDLE_TIMEOUT_S
from bench.engine_workload import Duplex, Opener, answer


class Qh3Server:
    def __init__(self) -> None:
        self.port = 0
        self.open: dict[object, Callable[[], None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        configuration = QuicConfiguration(is_client=False, alpn_protocols=[ALPN.decode()], idle_timeout=IDLE_TIMEOUT_S)
        private = Ed25519PrivateKey.generate()
        configuration.load_cert_chain(
            self_signed(private).public_bytes(Encoding.PEM),
            private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        )
        server = await serve(
            HOST, 0, configuration=configuration, create_protocol=self._make_protocol, stream_handler=self._accept
        )
        assert server._transport is not None
        self.port = server._transport.get_extra_info("sockname")[1]
        return "none"

    def _make_protocol(self, connection: QuicConnection, stream_handler: Callable[..., None]) -> "_Accepted":
        return _Accepted(connection, stream_handler, self.open)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(answer(_Stream(reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Stream(AsyncioStream):
    async def write(self, data: bytes, /) -> None:
        """Its writers cannot wait for room, so the loop gets a turn in which it can send."""
        self._writer.write(data)
        await asyncio.sleep(0)


class _Accepted(QuicConnectionProtocol):
    """The server's end of a connection, listed while open."""

    def __init__(
        self, connection: QuicConnection, stream_handler: Callable[..., None], listing: dict[object, Callable[[], None]]
    ) -> None:
        super().__init__(connection, stream_handler=stream_handler)
        self._listing = listing

    def quic_event_received(self, event: QuicEvent) -> None:
        super().quic_event_received(event)
        if isinstance(event, HandshakeCompleted):
            self._listing[self] = self.close
        elif isinstance(event, ConnectionTerminated):
            del self._listing[self]


class Qh3Client:
    def __init__(self) -> None:
        self._configuration = QuicConfiguration(
            is_client=True, alpn_protocols=[ALPN.decode()], idle_timeout=IDLE_TIMEOUT_S
        )
        self._configuration.verify_mode = ssl.CERT_NONE
        self._configuration.signature_algorithms = [SignatureAlgorithm.ED25519]

    @contextlib.asynccontextmanager
    async def connect(self, port: int, pin: str) -> AsyncIterator[Opener]:
        async with connect(HOST, port, configuration=self._configuration) as protocol:
            yield _Connected(protocol)


class _Connected:
    def __init__(self, protocol: QuicConnectionProtocol) -> None:
        self._protocol = protocol

    async def open(self) -> Duplex:
        return _Stream(*await self._protocol.create_stream())
