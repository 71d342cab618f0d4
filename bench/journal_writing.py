"""The node's half of `bench journal`: what an event costs on its way, and how the loop fares while many are written."""

import argparse
import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bench.child import running
from bench.figures import percentile, spread
from node.core.connection import Connection
from node.core.identity import Address, AuthContext, Identity
from node.core.live import Live
from node.core.paths import DataPaths
from node.endpoint import events
from node.endpoint.live import LiveConnection
from node.journal.limits import JournalLimits
from node.journal.writer import JournalWriter

CHUNK = 100
TICK_S = 0.001
ADDRESS: Address = ("192.0.2.1", 4433)


class _Stream:
    """As much of a stream as an ended connection has."""

    def reset(self, code: int = 0) -> None:
        return None


def written(options: argparse.Namespace) -> dict[str, Any]:
    """In a directory of its own. `options`: events, rate and seconds of `bench journal`."""
    with tempfile.TemporaryDirectory(prefix="alknet-bench-") as directory:
        return asyncio.run(_measure(DataPaths(Path(directory)), options))


async def _measure(paths: DataPaths, options: argparse.Namespace) -> dict[str, Any]:
    async with _writing(paths.journal) as journal:
        hot = await _hot_path(journal, options.events)
        most = await _most(journal, options.events)
        sustained = await _sustained(paths, journal, options)
    return {**hot, "most_per_s": most, **sustained}


@contextlib.asynccontextmanager
async def _writing(path: Path) -> AsyncIterator[JournalWriter]:
    journal = JournalWriter(path, Live(JournalLimits(max_queue=1_000_000, peer_per_second=100_000)))
    task = asyncio.create_task(journal.run())
    try:
        yield journal
    finally:
        await _until_written(journal)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _ended() -> LiveConnection:
    """A peer's connection that has ended."""
    connection = Connection.from_bidi(_Stream(), b"alknet/call", ADDRESS)  # type: ignore[arg-type]
    connection.close(0, "done")
    identity, key = Identity("laptop", ("demo:read",)), "ed25519:" + "0" * 64
    return LiveConnection(connection, AuthContext(identity, b"alknet/call", ADDRESS, key))


async def _hot_path(journal: JournalWriter, count: int) -> dict[str, float]:
    """The mean of each hundred events; between them the loop writes."""
    live, means = _ended(), []
    for _ in range(count // CHUNK):
        began = time.thread_time()
        for _ in range(CHUNK):
            journal.record(events.closed(live))
        means.append(1e6 * (time.thread_time() - began) / CHUNK)
        await asyncio.sleep(0.005)
    await _until_written(journal)
    return {"hot_path_us": round(percentile(means, 50), 2), "hot_path_p99_us": round(percentile(means, 99), 2)}


async def _most(journal: JournalWriter, count: int) -> int:
    live = _ended()
    ready = [events.closed(live) for _ in range(count)]
    began = time.perf_counter()
    for event in ready:
        journal.record(event)
    await _until_written(journal)
    return round(count / (time.perf_counter() - began))


async def _sustained(paths: DataPaths, journal: JournalWriter, options: argparse.Namespace) -> dict[str, Any]:
    count = int(options.rate * options.seconds)
    idle = await _stalls(asyncio.sleep(min(5.0, options.seconds)))
    async with running(paths, "-m", "bench.journal_reader", str(paths.journal), str(count)) as reader:
        await reader.line()
        busy = await _stalls(_at_rate(journal, options.rate, count))
        read = json.loads(await reader.line())
    return {
        "rate": options.rate,
        "events": count,
        "complete": read["complete"],
        "written_lag_ms": read["lag"],
        "stall_ms": spread(busy),
        "stall_idle_ms": spread(idle),
    }


async def _at_rate(journal: JournalWriter, rate: int, count: int) -> None:
    began = time.perf_counter()
    for made in range(count):
        journal.record(events.closed(_ended()))
        ahead = made / rate - (time.perf_counter() - began)
        if ahead > 0:
            await asyncio.sleep(ahead)
    await _until_written(journal)


async def _stalls(work: Any) -> list[float]:
    """For how many milliseconds beyond its sleep a loop's every tick was late, while `work` goes on."""
    late: list[float] = []

    async def tick() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK_S)
            late.append(1000 * max(0.0, time.perf_counter() - began - TICK_S))

    ticking = asyncio.create_task(tick())
    await work
    ticking.cancel()
    return late


async def _until_written(journal: JournalWriter) -> None:
    while not await journal.flushed():
        pass
