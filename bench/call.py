"""Calls against a bare length-prefixed echo over the same engine, in the same run.

Server and client are processes of their own, each on a core of its own, fresh in every round. The echo has a stream per
request, four bytes of length and a body of the call's value in bytes; no JSON. Each step of the calls is measured right
after or before the echo's, in an order that changes from round to round. All on one connection each.

  small_ratio           small calls per second, one after the other, to the echo's; to be 0.6 or more
  inflight_ratio        the same with 64 under way at any time
  subscription_ratio    subscriptions of eight items per second, one after the other, to the echo of eight answers
  bulk_ratio            MB per second of calls of 1 MiB each way, to the echo's; to be 0.8 or more
  p99_under_bulk_ratio  the 99th percentile of a small call's time while 64 calls of 1 MiB follow each other on the same
                        connection, to that with nothing else on it; to be 5 or less

A ratio is the median of the rounds' ratios; `spread` holds the least and the greatest of them. Other figures are
medians over the rounds. A MB has 10^6 bytes, and those of both ways are counted.
"""

import argparse
import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from typing import Any

from bench.child import Child, running
from node.core.paths import DataPaths

NAME = "call"
MIB = 1024 * 1024
SMALL = 32
ITEMS = 8
IN_FLIGHT = 64

Figures = dict[str, float]
"""Keyed by name and unit."""

RATIOS = {
    "small_ratio": ("small_per_s", "bare_small_per_s"),
    "inflight_ratio": ("inflight_per_s", "bare_inflight_per_s"),
    "subscription_ratio": ("subscription_per_s", "bare_subscription_per_s"),
    "bulk_ratio": ("bulk_mb_s", "bare_bulk_mb_s"),
    "p99_under_bulk_ratio": ("p99_under_bulk_ms", "p99_idle_ms"),
}
"""Each ratio, and the two figures that it is of."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=2_000, help="small ones of each step")
    parser.add_argument("--subscriptions", type=int, default=500)
    parser.add_argument("--bulk", type=int, default=32, help="calls of 1 MiB")
    parser.add_argument("--transfer-mib", type=int, default=64, help="that small calls share the connection with")


def run(options: argparse.Namespace) -> dict[str, Any]:
    sizes = {name: vars(options)[name] for name in ("rounds", "requests", "subscriptions", "bulk", "transfer_mib")}
    return {**sizes, **figures(asyncio.run(_measure(options)))}


def figures(rounds: list[Figures]) -> dict[str, Any]:
    """Medians of every figure and ratio, and under `spread` the least and the greatest of each ratio."""
    ratios = {name: [each[a] / each[b] for each in rounds] for name, (a, b) in RATIOS.items()}
    return {
        **{name: round(median(found), 3) for name, found in ratios.items()},
        **{name: round(median(each[name] for each in rounds), 3) for name in rounds[0]},
        "spread": {name: [round(min(found), 3), round(max(found), 3)] for name, found in ratios.items()},
    }


async def _measure(options: argparse.Namespace) -> list[Figures]:
    with tempfile.TemporaryDirectory(prefix="alknet-bench-") as directory:
        paths = DataPaths(Path(directory))
        return [await _round(paths, options, backwards=bool(number % 2)) for number in range(options.rounds)]


async def _round(paths: DataPaths, options: argparse.Namespace, *, backwards: bool) -> Figures:
    async with _client(paths) as client:
        for command in (f"call 50 1 {SMALL}", f"bare 50 1 {SMALL}", f"call 2 1 {MIB}", f"bare 2 1 {MIB}"):
            await _drive(client, command)
        found: Figures = {}
        for name, commands in _steps(options).items():
            for prefix, (command, amount) in list(commands.items())[:: -1 if backwards else 1]:
                found[f"{prefix}{name}"] = amount / (await _drive(client, command) / 1e9)
        found["p99_idle_ms"] = await _drive(client, f"idle {options.requests}") / 1e6
        found["p99_under_bulk_ms"] = await _drive(client, f"loaded {options.transfer_mib}") / 1e6
        return found


def _steps(options: argparse.Namespace) -> dict[str, dict[str, tuple[str, float]]]:
    """For each figure the command of the calls and of the echo, with how much either does."""
    requests, subscriptions, bulk = options.requests, options.subscriptions, options.bulk
    megabytes = 2 * bulk * MIB / 1e6
    return {
        "small_per_s": _pair(f"{requests} 1 {SMALL}", requests),
        "inflight_per_s": _pair(f"{requests} {IN_FLIGHT} {SMALL}", requests),
        "bulk_mb_s": _pair(f"{bulk} 1 {MIB}", megabytes),
        "subscription_per_s": {
            "": (f"subscribe {subscriptions} {ITEMS}", subscriptions),
            "bare_": (f"bare-subscribe {subscriptions} {ITEMS}", subscriptions),
        },
    }


def _pair(numbers: str, amount: float) -> dict[str, tuple[str, float]]:
    return {"": (f"call {numbers}", amount), "bare_": (f"bare {numbers}", amount)}


@contextlib.asynccontextmanager
async def _client(paths: DataPaths) -> AsyncIterator[Child]:
    """A client that is connected to a server, both in fresh processes."""
    async with running(paths, "-m", "bench.call_server", "strangers") as server:
        port, pin = (await server.line()).split(maxsplit=1)
        async with running(paths, "-m", "bench.call_client", port, pin) as client:
            await client.line()
            yield client


async def _drive(client: Child, command: str) -> int:
    """Nanoseconds, as the client tells."""
    await client.say(command)
    return int(await client.line())
