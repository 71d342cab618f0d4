"""Our engine under the bench's workload: the node's listener and its dialler."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from bench.engine_side import ALPN, HOST, IDLE_TIMEOUT_S
from bench.engine_workload import Duplex, Opener, answer
from node.core.connection import Connection
from node.core.errors import StreamError
from node.core.identity import Address
from node.quic.client.dial import dial_quic
from node.quic.limits import QuicLimits
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey

MANY = 20_000
"""Connections from one address, and datagrams a second of their handshakes; all of the bench's come from one."""


class OurServer:
    def __init__(self) -> None:
        self.port = 0
        self.open: dict[object, Callable[[], None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: QuicListener | None = None

    async def start(self) -> str:
        key = NodeKey.generate()
        limits = QuicLimits(
            idle_timeout=IDLE_TIMEOUT_S,
            max_connections=MANY,
            max_connections_per_address=MANY,
            strangers_per_second=MANY,
            handshakes_per_second=MANY,
        )
        self._listener = await QuicListener.bind(HOST, 0, key=key, alpns=[ALPN], limits=limits)
        self._listener.start(self._accept)
        self.port = self._listener.address[1]
        return key.fingerprint

    def _accept(
        self,
        connection: Connection,
        alpn: bytes,
        fingerprint: str | None,
        remote_addr: Address | None,
        *,
        alternative: str | None = None,
    ) -> None:
        assert fingerprint is not None
        self.open[connection] = connection.close
        self._keep(asyncio.create_task(self._serve(connection)))

    async def _serve(self, connection: Connection) -> None:
        try:
            while True:
                self._keep(asyncio.create_task(self._answer(await connection.accept_bi())))
        except StreamError:
            del self.open[connection]

    async def _answer(self, stream: Duplex) -> None:
        with contextlib.suppress(StreamError):
            await answer(stream)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class OurClient:
    def __init__(self) -> None:
        self._key = NodeKey.generate()

    @contextlib.asynccontextmanager
    async def connect(self, port: int, pin: str) -> AsyncIterator[Opener]:
        limits = QuicLimits(idle_timeout=IDLE_TIMEOUT_S)
        connection = await dial_quic(HOST, port, alpn=ALPN, key=self._key, pin=pin, timeout=30, limits=limits)
        try:
            yield _Dialled(connection)
        finally:
            connection.close()


class _Dialled:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def open(self) -> Duplex:
        return await self._connection.open_bi()
