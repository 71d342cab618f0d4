"""From a commit in Django to the moment at which the client sees its connection closed.

A real node process, real clients over QUIC on loopback, and a Django process that disables their peers one by one, or
locks them.
"""

import argparse
import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

from bench.child import TIMEOUT_S, running
from bench.database import filled_database
from bench.figures import spread
from bench.sample import peer_name, sample_key
from node.client.call import CallClient
from node.core.connection import CLOSE_LOCKED, CLOSE_REVOKED
from node.core.paths import DataPaths
from node.lifeline import ParentLifeline

NAME = "revocation"
DIALLED_AT_ONCE = 10
CODES = {"disable": CLOSE_REVOKED, "lock": CLOSE_LOCKED}
"""By what a connection is ended, and the close code that tells."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--peers", type=int, default=5_000)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--by", choices=sorted(CODES), default="disable", help="what ends the connections")
    parser.add_argument("--pause-ms", type=float, default=10.0, help="between two revocations")


def run(options: argparse.Namespace) -> dict[str, Any]:
    if options.connections > options.peers:
        raise SystemExit("each connection needs a peer of its own: --connections is at most --peers")
    with filled_database(options.peers, keyed=options.connections) as paths:
        samples = asyncio.run(_measure(paths, options))
    return {"by": options.by, "peers": options.peers, "connections": options.connections, **spread(samples)}


async def _measure(paths: DataPaths, options: argparse.Namespace) -> list[float]:
    """Milliseconds from the commit against each peer to the end of its connection, as its client saw it."""
    count = options.connections
    write = ("-m", "bench.django_writer", options.by, str(options.peers), str(count), str(options.pause_ms))
    async with _node(paths, count) as facts, contextlib.AsyncExitStack() as stack:
        clients = await _connect(stack, facts["address"], facts["fingerprint"], count)
        writer = await stack.enter_async_context(running(paths, *write))
        closings = asyncio.gather(*(_closed_at(client, CODES[options.by]) for client in clients))
        await writer.line()
        await writer.say("go")
        commits = [int((await writer.line()).split()[1]) for _ in range(count)]
        closed = await asyncio.wait_for(closings, TIMEOUT_S)
    return [(at - commit) / 1e6 for at, commit in zip(closed, commits, strict=True)]


@contextlib.asynccontextmanager
async def _node(paths: DataPaths, connections: int) -> AsyncIterator[dict[str, Any]]:
    """A node process, and what it said when it served."""
    lifeline = ParentLifeline()
    command = ("-m", "node.cli.main", "node", "--listen", "127.0.0.1:0", "--ready-fd", str(lifeline.child_fd))
    # All the clients share one address, which in life would be one too many.
    more = {
        "ALKNET_QUIC__MAX_CONNECTIONS_PER_ADDRESS": str(connections + DIALLED_AT_ONCE),
        "ALKNET_LOG__LEVEL": "warning",
    }
    async with running(paths, *command, pass_fds=(lifeline.child_fd,), variables=more):
        lifeline.started()
        facts = await asyncio.wait_for(lifeline.read_ready(), TIMEOUT_S)
        if facts is None:
            raise SystemExit("the node did not start")
        yield facts
    lifeline.close()


async def _connect(stack: contextlib.AsyncExitStack, address: str, pin: str, count: int) -> list[CallClient]:
    """One client for each of the first `count` peers, known to the node by its name."""
    at_once = asyncio.Semaphore(DIALLED_AT_ONCE)

    async def connect(number: int) -> CallClient:
        async with at_once:
            client = await stack.enter_async_context(CallClient.connect(address, key=sample_key(number), pin=pin))
            whoami = await client.call("node/whoami")
            assert whoami["identity"]["id"] == peer_name(number)
            return client

    return list(await asyncio.gather(*map(connect, range(count))))


async def _closed_at(client: CallClient, code: int) -> int:
    """When the connection ended, in unix nanoseconds."""
    end = await client.connection.wait_closed()
    at = time.time_ns()
    assert end.code == code, end
    return at
