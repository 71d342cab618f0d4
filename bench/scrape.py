"""What one look at the metrics costs the node: the page is made on its loop, in steps between which others run.

The rooms are real, and full: an index of many peers, and many served connections. `stall` is the longest step of a
look. Time is that of the processor.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast

from node.assembly.numbers import add_endpoint, add_listener, add_process, add_store
from node.core.connection import Connection
from node.core.identity import AuthContext
from node.core.metrics import Metrics
from node.core.peers import PeerEntry
from node.endpoint.endpoint import Endpoint
from node.endpoint.limits import EndpointLimits
from node.endpoint.live import LiveConnection
from node.endpoint.registry import HandlerRegistry
from node.exposition.pages import build, exposition
from node.exposition.server import Page
from node.loop_lag import LoopLag
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey
from node.store.memory import MemoryIdentityStore
from node.store.policy import AuthPolicy

NAME = "scrape"
ALPN = b"alknet/call"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--peers", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=50)


def run(options: argparse.Namespace) -> dict[str, Any]:
    return asyncio.run(_measure(options.peers, options.connections, options.rounds))


async def _measure(peers: int, connections: int, rounds: int) -> dict[str, Any]:
    """Milliseconds of the loop for a whole page and for its longest step, and the bytes of it."""
    entries = tuple(PeerEntry(f"peer-{number}", (f"ed25519:{number:064x}",)) for number in range(peers))
    store, metrics = MemoryIdentityStore(AuthPolicy(entries)), Metrics()
    listener = await QuicListener.bind("127.0.0.1", 0, key=NodeKey.generate(), alpns=[ALPN])
    try:
        endpoint = Endpoint(HandlerRegistry([]), store, EndpointLimits(), [listener])
        _connect(endpoint, entries[:connections])
        add_listener(metrics, listener)
        add_endpoint(metrics, endpoint, store)
        add_store(metrics, store)
        add_process(metrics, LoopLag())
        page = exposition(metrics, build(), "alknet_").page
        looks = [_steps(page) for _ in range(rounds)]
        return {
            "peers": peers,
            "connections": connections,
            "page_bytes": len((await page()).body),
            "page_p50_ms": round(statistics.median(sum(steps) for steps in looks), 2),
            "stall_p50_ms": round(statistics.median(max(steps) for steps in looks), 2),
            "stall_max_ms": round(max(max(steps) for steps in looks), 2),
        }
    finally:
        await listener.close()


def _connect(endpoint: Endpoint, entries: tuple[PeerEntry, ...]) -> None:
    """Connections as the endpoint lists them. No number asks anything of their transports, so they have none."""
    for entry in entries:
        auth = AuthContext(entry.identity(), ALPN, ("192.0.2.1", 1), entry.fingerprints[0])
        endpoint.connections.add(LiveConnection(cast("Connection", None), auth))


def _steps(page: Callable[[], Awaitable[Page]]) -> list[float]:
    """Milliseconds of the processor for each step of the loop that one page takes."""
    making, steps = cast("Coroutine[Any, Any, Page]", page()), list[float]()
    while True:
        began = time.thread_time()
        try:
            making.send(None)
        except StopIteration:
            return steps
        finally:
            steps.append((time.thread_time() - began) * 1000)
