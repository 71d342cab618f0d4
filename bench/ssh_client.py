"""The dialling end of the bench of SSH: asyncssh's client, with one connection held for each way to the server.

Run as `python -m bench.ssh_client DIRECTORY PORT PIN TCP_PORT ASYNCSSH_PORT`. Signs in by the file `key` of DIRECTORY.
Prints `ready`, then for each command, WAY.TASK and an amount, how many nanoseconds it took. The task `setup` makes so
many connections one after the other, each signed in, and closes them.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncssh

from bench.engine_commands import commands, prepare
from bench.engine_side import ALPN, HOST
from bench.engine_workload import Duplex
from bench.ssh_tasks import Bare, OverSsh
from bench.ssh_tunnel import Tunnel
from node.core.connection import Connection
from node.handlers.ssh.handler import ALPN as SSH
from node.quic.client.dial import dial_quic
from node.quic.tls.keys import NodeKey

Connect = Callable[[], contextlib.AbstractAsyncContextManager[asyncssh.SSHClientConnection]]


class Ways:
    """How the server is reached."""

    def __init__(self, key: Path, port: int, pin: str, tcp_port: int, asyncssh_port: int) -> None:
        self._signing_in: dict[str, Any] = {
            "username": "peer", "client_keys": [str(key)], "known_hosts": None, "config": None, "agent_path": None
        }  # fmt: skip
        self._port, self._pin, self._key = port, pin, NodeKey.generate()
        self.ways: dict[str, Connect] = {
            "quic": self._over_quic,
            "tcp": lambda: self._over_tcp(tcp_port),
            "asyncssh": lambda: self._over_tcp(asyncssh_port),
        }
        """Each gives a connection that is signed in, and closes it with the block."""

    async def dial(self, alpn: bytes) -> Connection:
        return await dial_quic(HOST, self._port, alpn=alpn, key=self._key, pin=self._pin, timeout=30)

    @contextlib.asynccontextmanager
    async def _over_quic(self) -> AsyncIterator[asyncssh.SSHClientConnection]:
        below = await self.dial(SSH)
        try:
            async with asyncssh.connect("node", tunnel=Tunnel(below), **self._signing_in) as connection:
                yield connection
        finally:
            below.close()
            await below.wait_closed()

    @contextlib.asynccontextmanager
    async def _over_tcp(self, port: int) -> AsyncIterator[asyncssh.SSHClientConnection]:
        async with asyncssh.connect(HOST, port, **self._signing_in) as connection:
            yield connection


class _Opener:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def open(self) -> Duplex:
        return await self._connection.open_bi()


async def set_up(connect: Connect, count: int) -> None:
    for _ in range(count):
        async with connect():
            pass


async def main(directory: Path, *server: Any) -> None:
    ways = Ways(directory / "key", *server)
    async with contextlib.AsyncExitStack() as stack:
        bare = await ways.dial(ALPN)
        bare.keep_alive()  # others have their turns, which take long
        held: dict[str, OverSsh | Bare] = {"bare": Bare(_Opener(bare))}
        for way, connect in ways.ways.items():
            held[way] = OverSsh(await stack.enter_async_context(connect()), directory, way)
        print("ready", flush=True)
        async for word, (amount,) in commands():
            way, task = word.split(".")
            before = time.perf_counter_ns()
            if task == "setup":
                await set_up(ways.ways[way], amount)
            else:
                await getattr(held[way], task)(amount)
            print(time.perf_counter_ns() - before, flush=True)


if __name__ == "__main__":
    prepare(1)
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:])))
