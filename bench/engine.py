"""Our QUIC engine against stock aioquic, both in the same run, server and client each on a core of its own.

Stock is aioquic's `serve`, `connect` and `create_stream`; on both engines both ends prove an Ed25519 key. Every round
has fresh processes for every engine, and measures each step of one right after the other's, in one order and then in
the opposite. Figures are medians over the rounds, CPU is the server's, and a MB has 10^6 bytes. A ratio is ours to
stock's, the median of the rounds' ratios; `spread` holds the least and the greatest of them.

Parts:
  transfer     up and down on a path of 1 500 bytes: the loopback of a network namespace made for the run
  loopback     the same where the path takes 65 536 bytes, with more to transfer: path MTU discovery may grow
  connections  handshakes, eight at once, and the memory of idle connections
  requests     64 bytes each way on a new stream: in turn, and sixteen at once
  closing      the CPU of closing one of many connections: the mean over a tenth of them, once; on stock, where one
               takes many milliseconds, only as the part `stock-closing`, over a hundredth, and if asked for

Engines, and what their figures' names begin with:
  ours         on aioquic as it is installed, in pure Python; no prefix
  accel        ours on the accelerated build, where scripts/accelerate has made one
  stock        the yardstick
  qh3          for the record; only its server proves a key, and it keeps its own larger windows
  tls          asyncio's TLS over TCP, for the record; one connection instead of streams, the kernel segments for it

Where no namespace can be made, `transfer` is left out and the other parts use the loopback; `omitted` says why, as it
does of an engine that is not there. `waited_percent` tells of the time that the servers' work took how much something
else had their core: above a few percent, measure again. Quick: `--parts transfer --sides ours,stock --rounds 3`.
"""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.engine_figures import figures
from bench.engine_network import Network, NoNamespaceError, ethernet
from bench.engine_plan import Plan
from bench.engine_run import LONG_PARTS, PARTS, Bench
from bench.engine_side import Side, why_absent
from node.core.paths import DataPaths

NAME = "engine"
MIB = 1024 * 1024
BUSY = 0.3
"""Above this load average of the last minute, somebody else is at work too."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--parts", type=_some_of([*PARTS, *LONG_PARTS]), default=list(PARTS), help="some of them, with commas"
    )
    parser.add_argument(
        "--sides", type=_some_of([side.value for side in Side]), default=[side.value for side in Side], help="engines"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=16, help="of one transfer")
    parser.add_argument("--loopback-mib", type=int, default=64, help="the same on the loopback; stock's is --mib")
    parser.add_argument("--connections", type=int, default=200, help="idle at once")
    parser.add_argument("--requests", type=int, default=2_000, help="of 64 bytes, each on a new stream")
    parser.add_argument("--engine-tree", type=Path, help="measure this accelerated engine, whether or not it is proven")
    parser.add_argument("--crowd", type=int, default=10_000, help="connections at once while some are closed")


def run(options: argparse.Namespace) -> dict[str, Any]:
    load = os.getloadavg()[0]
    if load > BUSY:
        print(f"the machine is busy (load {load:.2f}): the figures may suffer", file=sys.stderr)
    sides = [Side(name) for name in options.sides]
    omitted = {side.value: reason for side in sides if (reason := why_absent(side, options.engine_tree))}
    plan = Plan(
        sides=[side for side in sides if side.value not in omitted],
        parts=options.parts,
        rounds=options.rounds,
        transfer=options.mib * MIB,
        loopback_transfer=options.loopback_mib * MIB,
        connections=options.connections,
        requests=options.requests,
        crowd=options.crowd,
        tree=options.engine_tree,
    )
    sizes = {
        name: vars(options)[name] for name in ("rounds", "mib", "loopback_mib", "connections", "requests", "crowd")
    }
    measured = asyncio.run(_measure(plan, omitted))
    return {**sizes, "load_at_start": round(load, 2), **measured, "omitted": omitted}


async def _measure(plan: Plan, omitted: dict[str, str]) -> dict[str, Any]:
    async with contextlib.AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="alknet-bench-"))
        near: Network | None = None
        try:
            near = await stack.enter_async_context(ethernet())
        except NoNamespaceError as error:
            omitted["transfer"] = str(error)
        bench = Bench(DataPaths(Path(directory)), plan, near)
        values = figures(await bench.measure_rounds())
        values |= await bench.measure_closing()
        omitted |= {side.value: failure for side, failure in bench.failures.items()}
        return {**values, "waited_percent": bench.waited_percent}


def _some_of(names: Sequence[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        unknown = set(chosen) - set(names)
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: not one of {', '.join(names)}")
        return chosen

    return parse
