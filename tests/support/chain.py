"""Three nodes in a row, each a process: the edge has the hub do things, and the hub the worker."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.abort import install
from node.control.client import ControlClient
from node.core.paths import DataPaths
from tests.support import warm
from tests.support.node_process import SECONDS, NodeProcess

IDLE = "5"
"""Seconds after which the others know that a node was killed."""
NAMES = ("edge", "hub", "worker")
LINK = """
[nodes.{name}]
address = "{address}"
fingerprint = "{fingerprint}"

[nodes.{name}.import]
operations = ["{name}/*"]
"""


def link_to(node: NodeProcess, name: str) -> str:
    """The settings of a link to that node."""
    return LINK.format(name=name, address=node.facts["address"], fingerprint=node.facts["fingerprint"])


async def status(node: NodeProcess) -> dict[str, Any]:
    def asked() -> dict[str, Any]:
        with ControlClient(DataPaths(node.data).control_socket) as control:
            facts: dict[str, Any] = control.call("node/status")
            return facts

    return await asyncio.to_thread(asked)


async def link_of(node: NodeProcess, name: str, **wanted: Any) -> dict[str, Any]:
    """What the node tells of that link, as soon as this is so of it."""
    async with asyncio.timeout(SECONDS):
        while True:
            links = {link["name"]: link for link in (await status(node))["nodes"]}
            if name in links and {key: links[name][key] for key in wanted} == wanted:
                return links[name]
            await asyncio.sleep(0.02)


async def unlinked(node: NodeProcess) -> None:
    """Wait until the node tells of no link."""
    async with asyncio.timeout(SECONDS):
        while (await status(node))["nodes"]:
            await asyncio.sleep(0.02)


@dataclass
class Chain:
    place: Path
    edge: NodeProcess
    hub: NodeProcess
    worker: NodeProcess

    async def kill_hub(self) -> None:
        """kill -9: it says goodbye to nobody."""
        warm.kill(self.hub.process)
        assert await asyncio.to_thread(self.hub.process.wait) == -signal.SIGKILL
        self.hub.end()

    async def start_hub(self) -> None:
        """The hub again, at its address and with its key and settings."""
        self.hub = await _start(self.place, "hub", self.hub.facts["address"]).serving()


def _start(place: Path, name: str, listen: str = "127.0.0.1:0") -> NodeProcess:
    site = place / f"{name}-site"
    if not site.exists():
        install(site, name)
    peers = place / "peers.toml"
    peers.touch()
    more = {"ALKNET_NODE__PEERS_FILE": str(peers), "PYTHONPATH": str(site), "ALKNET_QUIC__IDLE_TIMEOUT": IDLE}
    return NodeProcess(place / name, listen=listen, **more)


@contextlib.asynccontextmanager
async def running_chain(place: Path) -> AsyncIterator[Chain]:
    """All three, linked once they run."""
    chain = Chain(place, *(_start(place, name) for name in NAMES))
    try:
        for node in (chain.edge, chain.hub, chain.worker):
            await node.serving()
        chain.hub.follow(link_to(chain.worker, "worker"))
        chain.edge.follow(link_to(chain.hub, "hub"))
        await asyncio.gather(link_of(chain.hub, "worker", operations=3), link_of(chain.edge, "hub", operations=3))
        yield chain
    finally:
        for node in (chain.edge, chain.hub, chain.worker):
            node.end()
