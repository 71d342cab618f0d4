"""The serving end of the benches of calls: calls and the bare echo on one QUIC listener, in a process of its own.

Run as `python -m bench.call_server CALLERS`. CALLERS is "strangers", or "peers" where everybody is to be taken for one:
those may have us hold most. Prints its port and pin, then a line of JSON for each line that comes in: what memory it
has had, and what of its bounds has bitten. It serves until it is killed or its input ends.
"""

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import AsyncIterator

from bench import call_echo
from bench.engine_commands import commands, prepare
from bench.engine_side import HOST
from bench.memory import peak, resident
from node.core.connection import Connection
from node.core.errors import ConnectionClosed
from node.core.identity import Address, AuthContext, Identity
from node.core.index import IndexProvider
from node.core.tasks import TaskSet
from node.handlers.call.decorator import query, subscription
from node.handlers.call.handler import ALPN, CallHandler
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import OperationRegistry
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey


@query("bench/echo")
async def echo(text: str) -> str:
    return text


@subscription("bench/items")
async def items(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


@query("bench/fill")
async def fill(size: int) -> str:
    return "x" * size


class Server:
    def __init__(self, auth: AuthContext) -> None:
        self._auth = auth
        registry = OperationRegistry()
        for operation in (echo, items, fill):
            registry.register(operation)
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
        serving = self._serve_calls(connection) if alpn == ALPN else call_echo.serve(connection)
        self._tasks.spawn(serving, "bench connection")

    async def _serve_calls(self, connection: Connection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self._handler.handle(connection, self._auth)

    def report(self) -> str:
        return json.dumps({"rss": resident(), "peak": peak(), **self._handler.snapshot()})


async def main(callers: str) -> None:
    key = NodeKey.generate()
    server = Server(AuthContext(Identity("peer"), ALPN) if callers == "peers" else AuthContext.anonymous(ALPN))
    listener = await QuicListener.bind(HOST, 0, key=key, alpns=[ALPN, call_echo.ALPN])
    listener.start(server.accept)
    print(listener.address[1], key.fingerprint, flush=True)
    async for _ in commands():
        print(server.report(), flush=True)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    prepare(0)
    asyncio.run(main(sys.argv[1]))
