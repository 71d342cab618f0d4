"""Our QUIC engine against stock aioquic, both in the same run, server and client each on a core of its own.

Stock is aioquic's `serve`, `connect` and `create_stream`; on both engines both ends prove an Ed25519 key. Every round
measures both in fresh processes and begins with the other one each time. Figures are medians over the rounds, CPU is
the server's, a ratio is ours to stock's (smaller is better), and a MB has 10^6 bytes. `close_ms` is the CPU of closing
one of many connections, until nothing is left of it: the mean over a tenth of them, once.
"""

import argparse
import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.child import TIMEOUT_S, Child, running
from bench.engine_side import Side
from node.core.paths import DataPaths

NAME = "engine"
MIB = 1024 * 1024
SETTLE_S = 0.05
"""For what still follows a row that the client holds for finished: last acknowledgements, delayed ones too."""

DRAINED_S = 0.5
"""After this, what closed connections leave behind is gone: three probe time-outs (RFC 9000 §10.2) and more."""


@dataclass(frozen=True, slots=True)
class Sizes:
    transfer: int
    connections: int
    requests: int
    crowd: int
    """Connections of which a tenth is closed."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One engine in one round. CPU times are of the server."""

    handshake_ms: float
    idle_kib: float
    """Resident memory per idle connection."""

    upload_ms_per_mb: float
    upload_mb_s: float
    download_ms_per_mb: float
    download_mb_s: float
    request_us: float


class Ends:
    """A server process and a client process of the same engine."""

    def __init__(self, server: Child, client: Child) -> None:
        self._server = server
        self._client = client

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
        """Open so many connections where there are none. Gives the server's CPU nanoseconds."""
        spent, _ = await self.drive(f"connect {count}")
        await self.wait_open(count)
        return spent

    async def release(self) -> None:
        """Close every connection from the client's end, and wait until the server has forgotten them."""
        await self.drive("release")
        await self.wait_open(0)
        await asyncio.sleep(DRAINED_S)

    async def wait_open(self, count: int) -> None:
        """Until so many connections that have shown a key are open. Raises TimeoutError if that does not come."""
        async with asyncio.timeout(TIMEOUT_S):
            while await self.serve("open") != count:
                await asyncio.sleep(SETTLE_S)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=16, help="of one transfer")
    parser.add_argument("--connections", type=int, default=200, help="idle at once")
    parser.add_argument("--requests", type=int, default=1_000, help="of 64 bytes, each on a new stream")
    parser.add_argument("--crowd", type=int, default=2_000, help="connections at once while some are closed")


def run(options: argparse.Namespace) -> dict[str, Any]:
    sizes = Sizes(options.mib * MIB, options.connections, options.requests, options.crowd)
    with tempfile.TemporaryDirectory(prefix="alknet-bench-") as directory:
        paths = DataPaths(Path(directory))
        rounds = asyncio.run(_measure(paths, sizes, options.rounds))
        closing = {side: asyncio.run(_measure_closing(paths, side, sizes.crowd)) for side in Side}
    return {
        "rounds": options.rounds,
        "mib": options.mib,
        "connections": options.connections,
        "crowd": options.crowd,
        **figures(rounds[Side.OURS], rounds[Side.STOCK]),
        "close_ms": round(closing[Side.OURS], 3),
        "stock_close_ms": round(closing[Side.STOCK], 3),
    }


def figures(ours: list[Measured], stock: list[Measured]) -> dict[str, float]:
    def middle(rounds: list[Measured], name: str) -> float:
        return float(median(getattr(measured, name) for measured in rounds))

    def ratio(name: str) -> float:
        return round(middle(ours, name) / middle(stock, name), 3)

    values = {
        "upload_cpu_ratio": ratio("upload_ms_per_mb"),
        "download_cpu_ratio": ratio("download_ms_per_mb"),
        "handshake_cpu_ratio": ratio("handshake_ms"),
        "request_cpu_ratio": ratio("request_us"),
        "idle_memory_ratio": ratio("idle_kib"),
    }
    for name in Measured.__slots__:
        values[name] = round(middle(ours, name), 3)
        values[f"stock_{name}"] = round(middle(stock, name), 3)
    return values


async def _measure(paths: DataPaths, sizes: Sizes, rounds: int) -> dict[Side, list[Measured]]:
    results: dict[Side, list[Measured]] = {Side.STOCK: [], Side.OURS: []}
    for number in range(rounds):
        for side in sorted(results, key=lambda side: side.value, reverse=bool(number % 2)):
            async with _ends(paths, side) as ends:
                results[side].append(await _measure_side(ends, sizes))
    return results


@contextlib.asynccontextmanager
async def _ends(paths: DataPaths, side: Side) -> AsyncIterator[Ends]:
    async with running(paths, "-m", "bench.engine_server", side.value) as server:
        port, pin = (await server.line()).split()
        async with running(paths, "-m", "bench.engine_client", side.value, port, pin) as client:
            await client.line()
            yield Ends(server, client)


async def _measure_side(ends: Ends, sizes: Sizes) -> Measured:
    await _warm_up(ends)
    before = await ends.serve("memory")
    handshakes = await ends.connect(sizes.connections)
    memory = await ends.serve("memory") - before
    if memory <= 0:
        raise SystemExit("too few connections to see their memory")
    await ends.release()
    await ends.connect(1)
    upload, upload_took = await ends.drive(f"upload {sizes.transfer}")
    download, download_took = await ends.drive(f"download {sizes.transfer}")
    requests, _ = await ends.drive(f"request {sizes.requests}")
    megabytes = sizes.transfer / 1e6
    return Measured(
        handshake_ms=handshakes / 1e6 / sizes.connections,
        idle_kib=memory / 1024 / sizes.connections,
        upload_ms_per_mb=upload / 1e6 / megabytes,
        upload_mb_s=megabytes / (upload_took / 1e9),
        download_ms_per_mb=download / 1e6 / megabytes,
        download_mb_s=megabytes / (download_took / 1e9),
        request_us=requests / 1e3 / sizes.requests,
    )


async def _measure_closing(paths: DataPaths, side: Side, crowd: int) -> float:
    """Milliseconds of the server's CPU per closed connection."""
    closed = max(1, crowd // 10)
    async with _ends(paths, side) as ends:
        await ends.connect(crowd)
        before = await ends.serve("cpu")
        await ends.serve(f"close {closed}")
        await ends.wait_open(crowd - closed)
        await asyncio.sleep(DRAINED_S)
        return (await ends.serve("cpu") - before) / 1e6 / closed


async def _warm_up(ends: Ends) -> None:
    """Whatever an engine does once, it does now: imports, the first growth of the heap."""
    await ends.connect(4)
    await ends.drive("request 20")
    await ends.release()
