"""What benches of several cases have in common: each case is measured against a server process of its own."""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

from bench.child import Child
from bench.engine_commands import prepare
from node.core.paths import DataPaths

Measure = Callable[[DataPaths, str, float], Coroutine[Any, Any, dict[str, Any]]]
"""Figures of the case of this name, which goes on for so many seconds."""


def add_options(parser: argparse.ArgumentParser, names: Iterable[str], *, seconds: float) -> None:
    parser.add_argument("--seconds", type=float, default=seconds, help="of each case")
    parser.add_argument("--only", nargs="*", default=list(names), choices=list(names), metavar="NAME")


def run(options: argparse.Namespace, measure: Measure) -> dict[str, dict[str, Any]]:
    """The figures of every case that was asked for, one after the other, by its name."""
    prepare(1)
    with tempfile.TemporaryDirectory(prefix="alknet-bench-") as directory:
        paths = DataPaths(Path(directory))
        return {name: asyncio.run(measure(paths, name, options.seconds)) for name in options.only}


async def report(server: Child) -> dict[str, Any]:
    """What a server tells of itself, such as `bench.call_server` and `bench.watched_server`."""
    await server.say("report")
    told: dict[str, Any] = json.loads(await server.line())
    return told
