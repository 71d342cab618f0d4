"""The panel and its REST API with many peers, while a node follows every change.

Real processes on one data directory, and a real HTTP client on one connection that is kept. `put_p95_ms` is of `PUT
/api/v1/peers/…`: half of the requests change what a peer may do, a quarter give it another key, a quarter add a peer.
`list_p95_ms` is of that list of the panel that is slowest, among them the peers searched, filtered and sorted in every
way; the bar is 200 ms.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bench import mortal, panel_import, panel_lists, panel_puts
from bench.database import filled_database, run_child
from node.core.paths import DataPaths

NAME = "panel"


@dataclass(frozen=True, slots=True)
class Appliance:
    """A panel and a node that serve. `url` is the panel's, `token` may do everything over REST."""

    paths: DataPaths
    url: str
    token: str
    cookie: str
    """Of a browser that is signed in as an owner, as a header has it."""


Part = Callable[[Appliance, argparse.Namespace], Awaitable[dict[str, Any]]]
PARTS: tuple[Part, ...] = (panel_puts.measure, panel_lists.measure, panel_import.measure)
"""What is measured, one after another on the same appliance: each gives figures by their names."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--peers", type=int, default=10_000)
    parser.add_argument("--puts", type=int, default=1_000, help="requests that put a peer")
    parser.add_argument("--events", type=int, default=1_000_000, help="that the panel keeps")
    parser.add_argument("--looks", type=int, default=40, help="fetches of each list")


def run(options: argparse.Namespace) -> dict[str, Any]:
    with filled_database(options.peers) as paths:
        return asyncio.run(_run(paths, options))


async def _run(paths: DataPaths, options: argparse.Namespace) -> dict[str, Any]:
    node, web = mortal.node(paths), mortal.web(paths)
    try:
        for process in (web, node):
            await process.start()
            await process.ready()
        token = run_child(paths, "-m", "bench.api_token").strip()
        cookie = run_child(paths, "-m", "bench.session").strip()
        appliance = Appliance(paths, f"http://{web.facts['address']}", token, cookie)
        figures: dict[str, Any] = {"peers": options.peers}
        for measure in PARTS:
            figures |= await measure(appliance, options)
        return figures
    finally:
        for process in (web, node):
            await process.stop()
