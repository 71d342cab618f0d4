"""Nodes for `alknet nc`: handlers that echo, flood, refuse and reset, in one endpoint in the test's process."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from node.core.address import format_host_port
from node.core.connection import Connection
from node.core.errors import AuthRequired, StreamError
from node.core.identity import AuthContext
from node.endpoint.endpoint import Endpoint
from node.endpoint.limits import EndpointLimits
from node.endpoint.registry import HandlerRegistry
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey
from node.store.memory import MemoryIdentityStore
from tests.support.appliance import environment

ROOT = Path(__file__).parents[2]


class Handler:
    """Serves one stream of each connection by the function of its name here; `seen` is what that has noted."""

    def __init__(self, name: str) -> None:
        self.alpn = f"test/{name}".encode()
        self._serve = getattr(self, name)
        self.seen: list[Any] = []

    async def handle(self, connection: Connection, auth: AuthContext) -> None:
        await self._serve(connection)

    async def echo(self, connection: Connection) -> None:
        stream = await connection.accept_bi()
        try:
            while data := await stream.read():
                await stream.write(data)
            stream.finish()
            await stream.delivered()
        except StreamError as error:
            self.seen.append(error)
            raise

    async def answer(self, connection: Connection) -> None:
        """All of the question first; then the answer, longer than any buffer on the way, and the end at once."""
        stream = await connection.accept_bi()
        asked = 0
        while data := await stream.read():
            asked += len(data)
        await stream.write_last(b"%d\n" % asked + bytes(3_000_000))
        await stream.delivered()

    async def end_first(self, connection: Connection) -> None:
        """Our end comes first, and what is read after it is noted."""
        stream = await connection.accept_bi()
        await stream.write_last(b"over")
        while data := await stream.read():
            self.seen.append(data)
        self.seen.append(b"")

    async def stop(self, connection: Connection) -> None:
        """Our end, and no interest in any more of theirs."""
        stream = await connection.accept_bi()
        await stream.write_last(b"bye")
        await stream.delivered()
        stream.stop_reading()
        await connection.wait_closed()

    async def flood(self, connection: Connection) -> None:
        stream = await connection.accept_bi()
        with contextlib.suppress(StreamError):
            while True:
                await stream.write(bytes(65_536))
                self.seen.append(65_536)
        self.seen.append("gone")

    async def sink(self, connection: Connection) -> None:
        """Reads nothing."""
        await connection.accept_bi()
        await connection.wait_closed()

    async def reset(self, connection: Connection) -> None:
        stream = await connection.accept_bi()
        await stream.write(b"x")
        await stream.delivered()
        stream.reset(9)
        await connection.wait_closed()

    async def refuse(self, connection: Connection) -> None:
        await connection.accept_bi()
        raise AuthRequired


class NcNode:
    """A node with every handler; `nc` runs the command against it."""

    def __init__(self, handlers: dict[str, Handler], address: str, pin: str, home: Path) -> None:
        self.handlers, self.address, self.pin, self._home = handlers, address, pin, home

    def command(self, name: str, *options: str) -> list[str]:
        nc = [sys.executable, "-m", "node.cli.main", "nc", f"test/{name}", self.address, "--pin", self.pin]
        return [*nc, *(options or ("--anonymous",))]

    def environment(self) -> dict[str, str]:
        return environment(XDG_CONFIG_HOME=str(self._home))

    async def nc(self, name: str, *options: str, shell: str = "", **how: Any) -> asyncio.subprocess.Process:
        """`shell` is a script that ends in running `"$@"`."""
        pipe = asyncio.subprocess.PIPE
        how = {"stdin": pipe, "stdout": pipe, "stderr": pipe} | how
        command = self.command(name, *options)
        if shell:
            command = ["/bin/sh", "-c", shell, "sh", *command]
        return await asyncio.create_subprocess_exec(*command, env=self.environment(), cwd=ROOT, **how)


@contextlib.asynccontextmanager
async def nc_node(home: Path) -> AsyncIterator[NcNode]:
    names = ("echo", "answer", "end_first", "stop", "flood", "sink", "reset", "refuse")
    handlers = {name: Handler(name) for name in names}
    registry, key = HandlerRegistry(list(handlers.values())), NodeKey.generate()
    listener = await QuicListener.bind("127.0.0.1", 0, key=key, alpns=registry.alpns())
    endpoint = Endpoint(registry, MemoryIdentityStore(), EndpointLimits(drain_timeout=0.1), [listener])
    running = asyncio.create_task(endpoint.run())
    try:
        yield NcNode(handlers, format_host_port(listener.address), key.fingerprint, home)
    finally:
        await endpoint.shutdown()
        await running
