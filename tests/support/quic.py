"""Real QUIC over loopback: a listener that records what it accepts, and clients that can lie about their keys."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from cryptography import x509

from node.core.connection import BiStream, Connection
from node.core.errors import StreamError
from node.core.identity import Address
from node.quic.client.dial import dial_quic
from node.quic.client.outgoing import DialSettings
from node.quic.client.ports import FreshSockets, OwnSocket
from node.quic.connection.link import Link
from node.quic.engine.budget import Part
from node.quic.engine.engine import Engine, configuration
from node.quic.engine.reset import ResetTokens
from node.quic.limits import QuicLimits
from node.quic.server.listener import QuicListener
from node.quic.tls.credentials import Credential
from node.quic.tls.handshake import ClientTls
from node.quic.tls.keys import NodeKey
from node.quic.udp.socket import resolve

ALPN = b"alknet/test"
LONG = 60.0
"""Seconds after which a test has failed rather than been slow."""

T = TypeVar("T")


async def soon(awaitable: Awaitable[T]) -> T:
    return await asyncio.wait_for(awaitable, LONG)


async def settled(condition: Callable[[], Any]) -> None:
    """Let the loop run until the condition holds."""
    async with asyncio.timeout(LONG):
        while not condition():
            await asyncio.sleep(0.001)


@dataclass(frozen=True, slots=True)
class Accepted:
    """One call of a listener's `accept`."""

    connection: Connection
    alpn: bytes
    fingerprint: str | None
    address: Address | None
    alternative: str | None


class Server:
    """A started listener on loopback, and what it accepted so far."""

    def __init__(self, listener: QuicListener, key: NodeKey) -> None:
        self.listener = listener
        self.key = key
        self.host, self.port = listener.address
        self.clients: list[Connection] = []
        self._queue: asyncio.Queue[Accepted] = asyncio.Queue()
        listener.start(self._accept)

    def _accept(
        self,
        connection: Connection,
        alpn: bytes,
        fingerprint: str | None,
        remote_addr: Address | None,
        *,
        alternative: str | None = None,
    ) -> None:
        self._queue.put_nowait(Accepted(connection, alpn, fingerprint, remote_addr, alternative))

    async def accepted(self) -> Accepted:
        return await soon(self._queue.get())

    @property
    def waiting(self) -> int:
        """Connections accepted and not asked for yet."""
        return self._queue.qsize()

    @property
    def links(self) -> list[Link]:
        return list(self.listener._hosts)

    async def dial(self, **changes: Any) -> Connection:
        self.clients.append(await dial_quic(**{**self.dial_arguments(), **changes}))
        return self.clients[-1]

    def dial_arguments(self) -> dict[str, Any]:
        return {
            "host": self.host,
            "port": self.port,
            "alpn": ALPN,
            "key": None,
            "pin": self.key.fingerprint,
            "timeout": LONG,
        }

    async def pair(self, **changes: Any) -> tuple[Connection, Connection]:
        """Both ends of one fresh connection: the client's, then the server's."""
        client = await self.dial(**changes)
        return client, (await self.accepted()).connection


@contextlib.asynccontextmanager
async def serving(
    host: str = "127.0.0.1", key: NodeKey | None = None, make: type[Server] = Server, **limits: Any
) -> AsyncIterator[Server]:
    """A server with its own key and these limits, closed at the end together with its clients."""
    key = key or NodeKey.generate()
    listener = await QuicListener.bind(host, 0, key=key, alpns=[ALPN, b"alknet/other"], limits=QuicLimits(**limits))
    server = make(listener, key)
    try:
        yield server
    finally:
        for client in server.clients:
            client.close()
        await listener.close()


async def exchange(client: Connection, accepted: Connection) -> tuple[BiStream, BiStream]:
    """A question and its answer; both ends of the stream that carried them, which neither has ended."""
    stream = await client.open_bi()
    await stream.write(b"?")
    far = await soon(accepted.accept_bi())
    assert await soon(far.read()) == b"?"
    await far.write(b"!")
    assert await soon(stream.read()) == b"!"
    return stream, far


async def echo(connection: Connection) -> None:
    """Send back every stream, to the connection's end."""
    async with asyncio.TaskGroup() as tasks:
        with contextlib.suppress(StreamError):
            while True:
                tasks.create_task(_echo_stream(await connection.accept_bi()))


async def _echo_stream(stream: Any) -> None:
    with contextlib.suppress(StreamError):
        while data := await stream.read():
            await stream.write(data)
        stream.finish()


async def read_all(stream: Any) -> bytes:
    parts = []
    while data := await stream.read():
        parts.append(data)
    return b"".join(parts)


def engine_of(connection: Connection) -> Engine:
    return connection._source.engine


def socket_of(client: Connection) -> OwnSocket:
    """What a stand-alone dial put beneath its connection."""
    return client._source._host._owner._carrier


def move(client: Connection, host: str = "") -> None:
    """Give the connection another socket, as a NAT does that has forgotten it, or a host that changes networks."""
    own = socket_of(client)
    family, peer = own._udp._socket.family, own._udp.peer
    own._udp.close()
    fresh = socket.socket(family, socket.SOCK_DGRAM)
    fresh.settimeout(0)
    fresh.bind((host, 0))
    fresh.connect(peer)
    own._udp._socket = fresh
    own._start()


class LyingTls(ClientTls):
    """Shows whatever credential it is given, with any chain behind it."""

    def __init__(self, given: Any, pin: str, credential: Credential, chain: tuple[x509.Certificate, ...]) -> None:
        self._lie = credential
        self._chain = chain
        super().__init__(given, None, pin)

    def _offer(self) -> None:
        self._own = self._lie
        super()._offer()

    def negotiated(self) -> None:
        super().negotiated()
        self.certificate_chain = list(self._chain)


@dataclass(frozen=True)
class LyingSettings(DialSettings):
    credential: Credential | None = None
    chain: tuple[x509.Certificate, ...] = ()

    def make_engine(self, reset_tokens: ResetTokens | None = None, growth: Part | None = None) -> Engine:
        engine = configuration(self.limits, [self.alpn.decode()], is_client=True)
        engine.server_name = self.server_name
        return Engine(engine, self.limits, lambda given: LyingTls(given, self.pin, self.credential, self.chain))


async def dial_as(server: Server, credential: Credential, *chain: x509.Certificate) -> Connection:
    """Dial with a credential that need not be ours."""
    settings = LyingSettings(ALPN, None, server.key.fingerprint, "alknet", QuicLimits(), credential, chain)
    call = FreshSockets().begin((await resolve(server.host, server.port))[0], settings)
    call.start()
    await soon(call.outcome)
    server.clients.append(Connection(call.link.source, ALPN))
    return server.clients[-1]
