"""A node's calls in a process of their own that tells what memory it has had, and what of its bounds have bitten.

Run as `python -m bench.hold_server`. Prints its port and pin, then one line of JSON for each line that comes in.
"""

import asyncio
import contextlib
import json
import logging

from bench.engine_commands import commands, prepare
from bench.engine_side import HOST
from bench.memory import peak, resident
from node.core.connection import Connection
from node.core.errors import ConnectionClosed
from node.core.identity import Address, AuthContext, Identity
from node.core.index import IndexProvider
from node.core.tasks import TaskSet
from node.handlers.call.decorator import query
from node.handlers.call.handler import ALPN, CallHandler
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import OperationRegistry
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey


@query("bench/fill")
async def fill(size: int) -> str:
    return "x" * size


class Server:
    """Takes everybody for a peer: those may have us hold most."""

    def __init__(self) -> None:
        registry = OperationRegistry()
        registry.register(fill)
        self._handler = CallHandler(registry, IndexProvider(), CallLimits())
        self._tasks = TaskSet()

    def accept(
        self,
        connection: Connection,
        alpn: bytes,
        fingerprint: str | None,
        remote_addr: Address | None,
        *,
        alternative: str | None = None,
    ) -> None:
        self._tasks.spawn(self._serve(connection), "bench connection")

    async def _serve(self, connection: Connection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self._handler.handle(connection, AuthContext(Identity("peer"), ALPN))

    def report(self) -> str:
        return json.dumps({"rss": resident(), "peak": peak(), **self._handler.snapshot()})


async def main() -> None:
    key, server = NodeKey.generate(), Server()
    listener = await QuicListener.bind(HOST, 0, key=key, alpns=[ALPN])
    listener.start(server.accept)
    print(listener.address[1], key.fingerprint, flush=True)
    async for _ in commands():
        print(server.report(), flush=True)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    prepare(0)
    asyncio.run(main())
