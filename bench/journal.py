"""What the node's journal costs: an event on the hot path, the loop while a thousand a second are written, memory.

`hot_path_us` is the CPU of one event of a connection's end, made and recorded; between them the loop writes to a real
file. Then ends are recorded at `--rate` a second and followed by another process: `written_lag_ms` runs from the event
to its being read there, `stall_ms` is what the loop was held up beyond a millisecond's sleep, beside that of a loop
that writes nothing.
`most_per_s` is what the writer takes without a pause. `node_rss_mb` is a whole node's memory with so many peers.
"""

import argparse
import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bench import mortal
from bench.child import running
from bench.database import filled_database
from bench.figures import percentile, spread
from node.core.connection import Connection
from node.core.identity import Address, AuthContext, Identity
from node.core.live import Live
from node.core.paths import DataPaths
from node.endpoint import events
from node.endpoint.live import LiveConnection
from node.journal.limits import JournalLimits
from node.journal.writer import JournalWriter

NAME = "journal"
HOT_PATH_US, NODE_RSS_MB = 20.0, 120.0
"""The bars; what is above one is named in `failures`."""
CHUNK = 100
TICK_S = 0.001
ADDRESS: Address = ("192.0.2.1", 4433)


class _Stream:
    """As much of a stream as an ended connection has."""

    def reset(self, code: int = 0) -> None:
        return None


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", type=int, default=20_000, help="of the hot path, and without a pause")
    parser.add_argument("--rate", type=int, default=1000, help="events a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="at that rate")
    parser.add_argument("--peers", type=int, default=10_000, help="of the node whose memory is measured; 0 for none")


def run(options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="alknet-bench-") as directory:
        result = asyncio.run(_measure(DataPaths(Path(directory)), options))
    if options.peers:
        with filled_database(options.peers) as paths:
            result |= {"peers": options.peers, "node_rss_mb": asyncio.run(_node_rss(paths))}
    bars = (("hot_path_us", HOT_PATH_US), ("node_rss_mb", NODE_RSS_MB))
    failures = [name for name, bar in bars if result.get(name, 0.0) > bar]
    return {**result, "failures": failures if result["complete"] else [*failures, "complete"]}


async def _measure(paths: DataPaths, options: argparse.Namespace) -> dict[str, Any]:
    async with _writing(paths.journal) as journal:
        hot = await _hot_path(journal, options.events)
        most = await _most(journal, options.events)
        sustained = await _sustained(paths, journal, options)
    return {**hot, "most_per_s": most, **sustained}


@contextlib.asynccontextmanager
async def _writing(path: Path) -> AsyncIterator[JournalWriter]:
    journal = JournalWriter(path, Live(JournalLimits(max_queue=1_000_000)))
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


async def _node_rss(paths: DataPaths) -> float:
    """Once its index is loaded, and what the loading took has been given back, as far as it is."""
    node = mortal.node(paths)
    try:
        await node.start()
        await node.ready()
        await asyncio.sleep(2)
        return round(node.rss_mib() * (1 << 20) / 1e6, 1)
    finally:
        await node.stop()
