"""Stock aioquic under the bench's workload: `serve`, `connect` and `create_stream`, with self-signed certificates."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable

from aioquic.asyncio import server as stock_server
from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, QuicEvent
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.engine_asyncio import AsyncioStream, self_signed
from bench.engine_side import ALPN, HOST, IDLE_TIMEOUT_S
from bench.engine_workload import Duplex, Opener, answer


class _AskingConnection(QuicConnection):
    """Stock but for one flag of its TLS: the server asks for a certificate, as ours does."""

    def _initialize(self, peer_cid: bytes) -> None:
        super()._initialize(peer_cid)
        self.tls._request_client_certificate = True


class StockServer:
    def __init__(self) -> None:
        self.port = 0
        self.open: dict[object, Callable[[], None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        # `serve` takes no connection class.
        vars(stock_server)["QuicConnection"] = _AskingConnection
        server = await serve(
            HOST,
            0,
            configuration=_configuration(is_client=False),
            create_protocol=self._make_protocol,
            stream_handler=self._accept,
        )
        assert server._transport is not None
        self.port = server._transport.get_extra_info("sockname")[1]
        return "none"

    def _make_protocol(self, connection: QuicConnection, stream_handler: Callable[..., None]) -> "_Accepted":
        return _Accepted(connection, stream_handler, self.open)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(answer(AsyncioStream(reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Accepted(QuicConnectionProtocol):
    """The server's end of a connection. It insists on the client's key, and is listed while open."""

    def __init__(
        self, connection: QuicConnection, stream_handler: Callable[..., None], listing: dict[object, Callable[[], None]]
    ) -> None:
        super().__init__(connection, stream_handler=stream_handler)
        self._listing = listing

    def quic_event_received(self, event: QuicEvent) -> None:
        super().quic_event_received(event)
        if isinstance(event, HandshakeCompleted):
            assert self._quic.tls._peer_certificate is not None
            self._listing[self] = self.close
        elif isinstance(event, ConnectionTerminated):
            del self._listing[self]


class StockClient:
    def __init__(self) -> None:
        self._configuration = _configuration(is_client=True)
        self._configuration.verify_mode = ssl.CERT_NONE

    @contextlib.asynccontextmanager
    async def connect(self, port: int, pin: str) -> AsyncIterator[Opener]:
        async with connect(HOST, port, configuration=self._configuration) as protocol:
            yield _Connected(protocol)


class _Connected:
    def __init__(self, protocol: QuicConnectionProtocol) -> None:
        self._protocol = protocol

    async def open(self) -> Duplex:
        return AsyncioStream(*await self._protocol.create_stream())


def _configuration(*, is_client: bool) -> QuicConfiguration:
    configuration = QuicConfiguration(is_client=is_client, alpn_protocols=[ALPN.decode()], idle_timeout=IDLE_TIMEOUT_S)
    private = Ed25519PrivateKey.generate()
    configuration.certificate, configuration.private_key = self_signed(private), private
    return configuration
