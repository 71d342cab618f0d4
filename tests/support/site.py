"""A listener of ours that serves a small site over HTTP/3, for clients of any make."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from node.core.connection import Connection
from node.core.identity import Address
from node.quic.connection.link import Link
from node.quic.engine.engine import Engine
from node.quic.limits import QuicLimits
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey
from tests.support.http3 import Site
from tests.support.quic import engine_of, settled

ALPN = b"h3"


class SiteServer:
    """Answers whatever connects, and remembers every connection."""

    def __init__(self, listener: QuicListener, key: NodeKey) -> None:
        self.listener = listener
        self.key = key
        self.site = Site()
        self.connections: list[Connection] = []
        self._tasks: list[asyncio.Task[None]] = []
        listener.start(self._accept)

    def _accept(self, connection: Connection, *_: Any, **__: Any) -> None:
        self.connections.append(connection)
        self._tasks.append(asyncio.create_task(self.site.serve(connection)))

    @property
    def address(self) -> Address:
        return self.listener.address

    @property
    def engine(self) -> Engine:
        """Of the only connection there was."""
        (connection,) = self.connections
        return engine_of(connection)

    @property
    def links(self) -> list[Link]:
        return list(self.listener._hosts)

    async def confirmed(self) -> Engine:
        """Wait until the handshake of the only connection is confirmed."""
        await settled(lambda: self.connections and self.engine._handshake_confirmed)
        return self.engine

    async def close(self) -> None:
        await self.listener.close()
        await asyncio.gather(*self._tasks)


@contextlib.asynccontextmanager
async def site(host: str = "127.0.0.1", **limits: Any) -> AsyncIterator[SiteServer]:
    key = NodeKey.generate()
    listener = await QuicListener.bind(host, 0, key=key, alpns=[ALPN], limits=QuicLimits(**limits))
    server = SiteServer(listener, key)
    try:
        yield server
    finally:
        await server.close()
