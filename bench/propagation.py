"""From a commit in Django to the swapped index in the node, each in a process of its own.

A third process listens to the same notifications with honker alone; `ratio` is our median to its median, both of the
same run. Latencies run from the moment at which the writer's commit returned.
"""

import argparse
import asyncio
from typing import Any

from bench.child import TIMEOUT_S, running
from bench.database import filled_database
from bench.figures import percentile, spread
from node.core.index import IndexSwap
from node.core.paths import DataPaths
from node.store.sqlite import SqliteStore

NAME = "propagation"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--peers", type=int, default=10_000)
    parser.add_argument("--writes", type=int, default=300)
    parser.add_argument("--pause-ms", type=float, default=10.0, help="between two writes")


def run(options: argparse.Namespace) -> dict[str, Any]:
    with filled_database(options.peers) as paths:
        ours, listener = asyncio.run(_measure(paths, options))
    bare = percentile(listener, 50)
    return {
        "peers": options.peers,
        "writes": options.writes,
        **spread(ours),
        "listener_p50_ms": round(bare, 3),
        "listener_p99_ms": round(percentile(listener, 99), 3),
        "ratio": round(percentile(ours, 50) / bare, 2),
    }


async def _measure(paths: DataPaths, options: argparse.Namespace) -> tuple[list[float], list[float]]:
    """Milliseconds from each commit to our swap, and to the bare listener."""
    count = options.writes
    store = SqliteStore(paths.database)
    await store.start()
    await store.wait_loaded()
    swaps = _Swaps(count)
    store.subscribe(swaps.note)
    listen = ("-m", "bench.bare_listener", str(paths.database), str(count))
    write = ("-m", "bench.django_writer", "describe", str(options.peers), str(count), str(options.pause_ms))
    async with running(paths, *listen) as listener, running(paths, *write) as writer:
        await asyncio.gather(listener.line(), writer.line())
        await writer.say("go")
        commits = [int((await writer.line()).split()[1]) for _ in range(count)]
        heard = [int(await listener.line()) for _ in range(count)]
        await asyncio.wait_for(swaps.complete.wait(), TIMEOUT_S)
    await store.stop()
    ours = [(swaps.at[number] * 1e9 - commit) / 1e6 for number, commit in enumerate(commits)]
    return ours, [(at - commit) / 1e6 for at, commit in zip(heard, commits, strict=True)]


class _Swaps:
    """When the index first showed each numbered write."""

    def __init__(self, count: int) -> None:
        self.at: dict[int, float] = {}
        self.complete = asyncio.Event()
        self._count = count

    def note(self, swap: IndexSwap) -> None:
        for peer_id in swap.changed or swap.new.peers:
            words = (swap.new.peers[peer_id].display_name or "").split()
            if words[0] == "write":
                self.at.setdefault(int(words[1]), swap.swapped_at)
        if len(self.at) == self._count:
            self.complete.set()
