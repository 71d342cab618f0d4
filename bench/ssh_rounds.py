"""One round of the bench of SSH: what is measured when."""

import contextlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from bench.child import Child, running
from bench.engine_network import Network
from bench.ssh_figures import BULK, MANY, Figures
from node.core.paths import DataPaths

MIB = 1024 * 1024
WAYS = ("quic", "tcp", "asyncssh")
PATIENCE_S = 600.0
"""For one transfer."""

TASKS = {"exec_down": "download", "exec_up": "upload", "sftp_put": "put", "sftp_get": "get"}
ON_THE_ENGINE = {"exec_down": "download", "exec_up": "upload", "sftp_put": "upload", "sftp_get": "download"}
"""What moves as much on the bare engine."""
OF_MANY = {"files_put": "putmany", "files_get": "getmany"}


@dataclass(frozen=True, slots=True)
class Amounts:
    """Bytes of a program's data and of the large file; small files; and connections."""

    data: int
    file: int
    files: int
    setups: int


class Ends:
    """A client that is connected to a server."""

    def __init__(self, server: Child, client: Child) -> None:
        self._server, self._client = server, client

    async def drive(self, command: str) -> tuple[int, int]:
        """The server's CPU time and the client's wall-clock time, in nanoseconds."""
        before = await self._cpu()
        await self._client.say(command)
        took = int(await self._client.line(PATIENCE_S))
        return await self._cpu() - before, took

    async def _cpu(self) -> int:
        await self._server.say("cpu")
        return int(await self._server.line())


@contextlib.asynccontextmanager
async def _ends(directory: Path, network: Network) -> AsyncIterator[Ends]:
    """Both in fresh processes on this network, with nothing put yet."""
    for place in ("served/files", "back"):
        shutil.rmtree(directory / place, ignore_errors=True)
        for way in WAYS:
            (directory / place / way).mkdir(parents=True)
    paths = DataPaths(directory / "data")
    async with running(paths, "-m", "bench.ssh_server", str(directory), enter=network.enter) as server:
        told = (await server.line()).split()
        async with running(paths, "-m", "bench.ssh_client", str(directory), *told, enter=network.enter) as client:
            await client.line()
            yield Ends(server, client)


async def measure_round(directory: Path, network: Network, amounts: Amounts, *, backwards: bool) -> Figures:
    ways = WAYS[:: -1 if backwards else 1]
    found: Figures = {}
    async with _ends(directory, network) as ends:
        await _warm_up(ends)
        for name in BULK:
            found |= await _bulk(ends, name, amounts, ways)
        for name in MANY:
            for way in ways:
                _, took = await ends.drive(f"{way}.{OF_MANY[name]} {amounts.files}")
                found[f"{_prefix(way)}{name}_per_s"] = amounts.files / (took / 1e9)
        for way in ways:
            _, took = await ends.drive(f"{way}.setup {amounts.setups}")
            found[f"{_prefix(way)}setup_ms"] = took / 1e6 / amounts.setups
    return found


async def _bulk(ends: Ends, name: str, amounts: Amounts, ways: tuple[str, ...]) -> Figures:
    """The bare engine right beside what is compared with it."""
    found: Figures = {}
    size = amounts.file if name.startswith("sftp") else amounts.data
    order = [*ways]
    order.insert(order.index("quic"), "bare")
    for way in order:
        task = ON_THE_ENGINE[name] if way == "bare" else TASKS[name]
        spent, took = await ends.drive(f"{way}.{task} {size}")
        found[f"{_prefix(way)}{name}_mb_s"] = size / 1e6 / (took / 1e9)
        found[f"{_prefix(way)}{name}_cpu_ms_per_mb"] = spent / 1e6 / (size / 1e6)
    return found


async def _warm_up(ends: Ends) -> None:
    for way in ("bare", *WAYS):
        for task in ("download", "upload"):
            await ends.drive(f"{way}.{task} {MIB}")


def _prefix(way: str) -> str:
    return "" if way == "quic" else f"{way}_"
