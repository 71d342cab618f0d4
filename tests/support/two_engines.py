"""Stock aioquic (`serve`, `connect`, `create_stream`) and our engine behind one face, to be put to the same test."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from aioquic.asyncio import server as stock_server
from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer, serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from cryptography.hazmat.primitives.asymmetric import ec

from bench.churn import Nat
from node.core.connection import Connection
from tests.support.certificates import certificate
from tests.support.quic import engine_of, serving, soon

ALPN = "alknet/test"


@dataclass
class End:
    """One end of a connection. `raw` is the engine's own object for it."""

    raw: Any
    engine: QuicConnection
    open: Callable[[], Any]
    accept: Callable[[], Any]

    @property
    def stream_table(self) -> int:
        """Entries of the table of streams that this side's interface keeps."""
        return len(
            self.raw._stream_readers if isinstance(self.raw, QuicConnectionProtocol) else self.raw._source._streams
        )


@dataclass
class Pair:
    client: End
    server: End
    listener: Any
    port: int
    nat: Nat | None
    """What the client's datagrams go through, where that was asked for."""

    @property
    def routes(self) -> dict[bytes, Any]:
        """The listener's table of connection ids."""
        return self.listener._protocols if isinstance(self.listener, QuicServer) else self.listener._routes

    def send(self, payload: Callable[[Any], bytes]) -> None:
        """A hand-made datagram of the client's."""
        raw, engine = self.client.raw, self.client.engine
        data, address = payload(engine), engine.get_peer_address()
        if isinstance(raw, QuicConnectionProtocol):
            raw._transport.sendto(data, address)
        else:
            raw._source._host._owner.send([(data, address)])


_WRITERS: WeakSet[asyncio.StreamWriter] = WeakSet()
"""Of stock's streams. Each writes an end when it is collected, unless it takes itself for closed."""


class StockStream:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        _WRITERS.add(writer)
        self.stream_id = writer.get_extra_info("stream_id")

    async def read(self, limit: int = 65_536) -> bytes:
        return await self.reader.read(limit)

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def finish(self) -> None:
        self.writer.write_eof()

    @property
    def unread(self) -> int:
        return len(self.reader._buffer)


def stock_configuration(*, is_client: bool, **changes: Any) -> QuicConfiguration:
    made = QuicConfiguration(is_client=is_client, alpn_protocols=[ALPN], verify_mode=ssl.CERT_NONE, **changes)
    made.private_key = ec.generate_private_key(ec.SECP256R1())
    made.certificate = certificate(made.private_key)
    return made


class AskingConnection(QuicConnection):
    """Stock but for its flag for tests, set in time: the server asks for a certificate."""

    def _initialize(self, peer_cid: bytes) -> None:
        super()._initialize(peer_cid)
        self.tls._request_client_certificate = True


@contextlib.asynccontextmanager
async def stock_listener(
    accepted: "asyncio.Queue[QuicConnectionProtocol] | None" = None,
    kind: type[QuicConnection] = QuicConnection,
    **options: Any,
) -> AsyncIterator[tuple[QuicServer, int]]:
    """`serve` as it is; `kind` replaces its class of connections, which it takes from its module."""

    def create_protocol(connection: QuicConnection, stream_handler: Any) -> QuicConnectionProtocol:
        streams: asyncio.Queue[StockStream] = asyncio.Queue()
        made = QuicConnectionProtocol(
            connection, lambda reader, writer: streams.put_nowait(StockStream(reader, writer))
        )
        made.streams = streams  # type: ignore[attr-defined]
        if accepted is not None:
            accepted.put_nowait(made)
        return made

    before, stock_server.QuicConnection = stock_server.QuicConnection, kind  # type: ignore[misc]
    options.setdefault("configuration", stock_configuration(is_client=False))
    listener = await serve("127.0.0.1", 0, create_protocol=create_protocol, **options)
    try:
        yield listener, listener._transport.get_extra_info("sockname")[1]
    finally:
        stock_server.QuicConnection = before  # type: ignore[misc]
        listener.close()
        for writer in _WRITERS:
            writer.transport._closing = True  # type: ignore[attr-defined]


@contextlib.asynccontextmanager
async def stock_pair(*, through_nat: bool = False, **changes: Any) -> AsyncIterator[Pair]:
    accepted: asyncio.Queue[QuicConnectionProtocol] = asyncio.Queue()
    configuration = stock_configuration(is_client=False, **changes)
    async with (
        stock_listener(accepted, configuration=configuration) as (listener, port),
        _nat(port, wanted=through_nat) as nat,
        connect(
            "127.0.0.1", nat.port if nat else port, configuration=stock_configuration(is_client=True, **changes)
        ) as client,
    ):
        server = await soon(accepted.get())
        yield Pair(_stock_end(client), _stock_end(server), listener, port, nat)


def _stock_end(protocol: QuicConnectionProtocol) -> End:
    async def opened() -> StockStream:
        return StockStream(*await protocol.create_stream())

    async def taken() -> StockStream:
        return await protocol.streams.get()  # type: ignore[attr-defined]

    return End(protocol, protocol._quic, opened, taken)


@contextlib.asynccontextmanager
async def our_pair(*, through_nat: bool = False, **limits: Any) -> AsyncIterator[Pair]:
    async with serving(**limits) as server, _nat(server.port, wanted=through_nat) as nat:
        client, accepted = await server.pair(port=nat.port if nat else server.port)
        yield Pair(_our_end(client), _our_end(accepted), server.listener, server.port, nat)


@contextlib.asynccontextmanager
async def _nat(port: int, *, wanted: bool) -> AsyncIterator[Nat | None]:
    if not wanted:
        yield None
        return
    nat = Nat(("127.0.0.1", port))
    await nat.start()
    try:
        yield nat
    finally:
        nat.close()


def _our_end(connection: Connection) -> End:
    return End(connection, engine_of(connection), connection.open_bi, connection.accept_bi)


PAIRS = {"stock": stock_pair, "ours": our_pair}
