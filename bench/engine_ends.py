"""A server process and a client process of one engine, told what to do and asked what it cost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from bench.child import TIMEOUT_S, Child, running
from bench.engine_network import Network
from bench.engine_side import Side
from node.core.paths import DataPaths

SETTLE_S = 0.05
"""For what still follows a row that the client holds for finished: last acknowledgements, delayed ones too."""

DRAINED_S = 0.5
"""After this, what closed connections leave behind is gone: three probe time-outs (RFC 9000 §10.2) and more."""

CONNECTED_AT_A_TIME = 500
"""Connections asked for by one command, so that it is done well within the time for a line."""


class Ends:
    def __init__(self, server: Child, client: Child) -> None:
        self._server = server
        self._client = client
        self._open = 0

    async def serve(self, command: str) -> int:
        """Ask the server."""
        await self._server.say(command)
        return int(await self._server.line())

    async def drive(self, command: str) -> tuple[int, int]:
        """Let the client do something: the server's CPU time and the client's wall-clock time, in nanoseconds."""
        before = await self.serve("cpu")
        await self._client.say(command)
        elapsed = int(await self._client.line())
        await asyncio.sleep(SETTLE_S)
        return await self.serve("cpu") - before, elapsed

    async def connect(self, count: int) -> int:
        """Open so many connections more; the newest is the one that is used. Gives the server's CPU nanoseconds."""
        spent = 0
        for start in range(0, count, CONNECTED_AT_A_TIME):
            more = min(CONNECTED_AT_A_TIME, count - start)
            spent += (await self.drive(f"connect {more}"))[0]
            self._open += more
            await self.wait_open(self._open)
        return spent

    async def close(self, count: int) -> None:
        """Close the oldest so many from the server's end, and wait until nothing is left of them there."""
        await self.serve(f"close {count}")
        self._open -= count
        await self.wait_open(self._open)
        await asyncio.sleep(DRAINED_S)

    async def release(self) -> None:
        """Close every connection from the client's end, and wait until the server has forgotten them."""
        await self.drive("release")
        self._open = 0
        await self.wait_open(0)
        await asyncio.sleep(DRAINED_S)

    async def wait_open(self, count: int) -> None:
        """Until so many connections that have shown a key are open. Raises TimeoutError if that does not come."""
        async with asyncio.timeout(TIMEOUT_S):
            while await self.serve("open") != count:
                await asyncio.sleep(SETTLE_S)


@contextlib.asynccontextmanager
async def running_ends(paths: DataPaths, side: Side, network: Network, tree: Path | None = None) -> AsyncIterator[Ends]:
    """Both in fresh processes on this network. `tree` is an accelerated engine to take as it is."""
    more = () if tree is None else (str(tree),)
    server_command = ("-m", "bench.engine_server", side.value, *more)
    async with running(paths, *server_command, enter=network.enter) as server:
        port, pin = (await server.line()).split(maxsplit=1)
        client_command = ("-m", "bench.engine_client", side.value, port, pin, *more)
        async with running(paths, *client_command, enter=network.enter) as client:
            await client.line()
            yield Ends(server, client)
