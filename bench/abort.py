"""Aborts over three nodes: how long after a handler at the first was cancelled the one at the last is.

Edge, hub and worker are node processes of their own, linked by their settings: the edge has the hub do something, and
the hub the worker. A caller of the edge gives up; each handler notes when it is cancelled, by the clock that all
processes of a machine share. Each abort is alone: the next request begins when the worker has noted the one before.

  abort_ms        from the cancellation at the edge to that at the worker; p50, p99 and the worst
  to_caller_ms    the same from the moment at which the caller gave up

`failures` names abort_ms, and the exit code is 1, where its p99 is more than the 50 ms that are asked.
"""

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bench.child import TIMEOUT_S, running
from bench.figures import percentile
from node.client.call import CallClient
from node.core.paths import DataPaths
from node.handlers.call.errors import CallError
from node.lifeline import ParentLifeline

NAME = "abort"
MOST_MS = 50.0
WARM_UP = 10
NAMES = ("worker", "hub", "edge")
"""Each is linked to the one before."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--aborts", type=int, default=300)


def run(options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="alknet-bench-") as directory:
        samples = asyncio.run(_measure(Path(directory), options.aborts))
    return {"aborts": options.aborts, **judged(samples)}


def judged(samples: list[tuple[float, float]]) -> dict[str, Any]:
    """Of pairs of milliseconds, from the edge and from the caller to the worker."""
    figures = {
        name: _spread([pair[place] for pair in samples]) for place, name in enumerate(("abort_ms", "to_caller_ms"))
    }
    return {**figures, "failures": ["abort_ms"] if figures["abort_ms"]["p99"] > MOST_MS else []}


def _spread(samples: list[float]) -> dict[str, float]:
    found = {"p50": percentile(samples, 50), "p99": percentile(samples, 99), "max": max(samples)}
    return {name: round(value, 3) for name, value in found.items()}


async def _measure(place: Path, aborts: int) -> list[tuple[float, float]]:
    async with contextlib.AsyncExitStack() as stack:
        clients: dict[str, CallClient] = {}
        link = ""
        for name in NAMES:
            facts = await stack.enter_async_context(_node(place, name, link))
            link = _link(name, facts)
            connecting = CallClient.connect(facts["address"], key=None, pin=facts["fingerprint"])
            clients[name] = await stack.enter_async_context(connecting)
        await _linked(clients["edge"])
        found = [await _abort(clients, str(number)) for number in range(WARM_UP + aborts)]
    return found[WARM_UP:]


async def _abort(clients: dict[str, CallClient], ticket: str) -> tuple[float, float]:
    asked = asyncio.create_task(clients["edge"].call("edge/wait", {"ticket": ticket}))
    await mark(clients["worker"], "worker", "begun", ticket)
    given_up = time.monotonic_ns()
    asked.cancel()
    last = await mark(clients["worker"], "worker", "aborted", ticket)
    first = await mark(clients["edge"], "edge", "aborted", ticket)
    return (last - first) / 1e6, (last - given_up) / 1e6


async def mark(client: CallClient, service: str, kind: str, ticket: str) -> int:
    """When this happened at that node, in nanoseconds, as soon as it has."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            at = await client.call(f"{service}/mark", {"ticket": ticket, "kind": kind})
            if at is not None:
                return int(at)
            await asyncio.sleep(0.005)


async def _linked(edge: CallClient) -> None:
    """Wait until the edge reaches the worker."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            with contextlib.suppress(CallError):
                await edge.call("edge/echo", {"ticket": "ready"})
                return
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def _node(place: Path, name: str, settings: str) -> AsyncIterator[dict[str, Any]]:
    """One node process with its operations, and what it said when it served."""
    paths, site = DataPaths(place / name), place / f"{name}-site"
    paths.data.mkdir()
    paths.config_file.write_text(settings)
    install(site, name)
    (place / "peers.toml").touch()
    lifeline = ParentLifeline()
    command = ("-m", "node.cli.main", "node", "--listen", "127.0.0.1:0", "--ready-fd", str(lifeline.child_fd))
    variables = {"PYTHONPATH": str(site), "ALKNET_NODE__PEERS_FILE": str(place / "peers.toml")}
    more = {"ALKNET_LOG__LEVEL": "error"}
    async with running(paths, *command, pass_fds=(lifeline.child_fd,), variables=variables | more):
        lifeline.started()
        facts = await asyncio.wait_for(lifeline.read_ready(), TIMEOUT_S)
        if facts is None:
            raise SystemExit(f"the node {name} did not start")
        yield facts
    lifeline.close()


def install(site: Path, name: str) -> None:
    """The operations of that node, as an installed package names them."""
    metadata = site / f"relay_{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: relay-{name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[alknet.operations]\nmine = bench.relay_operations:{name}\n")


def _link(name: str, facts: dict[str, Any]) -> str:
    return (
        f'[nodes.{name}]\naddress = "{facts["address"]}"\nfingerprint = "{facts["fingerprint"]}"\n'
        f'[nodes.{name}.import]\noperations = ["{name}/*"]\n'
    )
