"""Half an hour of churn: peers that connect, transfer, vanish, reset, move, and never finish their handshakes.

The node's listener and its peers are processes of their own. `grown_percent` is the memory of the listener in the last
sixth of the time above what it was in the second: medians of both. In the first, caches are filled, the heap gets its
shape, and those who vanished pile up until they fall idle. At the end everything has an idle time-out to go, and `left`
says of what there is more than before the first peer came: tasks, timers, entries of tables. Whatever is left, more
than one peer in a hundred that failed against its will, and growth of 5 % or more, are named in `failures`, and the
exit code is 1.
"""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.cases import report
from bench.child import Child, running
from node.core.paths import DataPaths
from node.quic.limits import QuicLimits

NAME = "soak"
MOST_PERCENT = 5.0
SAMPLES = 180
SIXTH = SAMPLES // 6
LIMITS = QuicLimits(idle_timeout=10.0, max_connections_per_address=1_000, max_half_open_per_address=1_000)
"""All peers have one address. Those who vanished go soon, so that what is held varies little."""

MOST_FAILED = 0.01
"""Of all peers: a machine that stalls for seconds lets some time out."""

SETTLE_S = 15.0
"""Beyond the idle time-out: for closing periods and last timers."""

COUNTED = ("tasks", "timers", "routes", "hosts", "streams", "origins", "connections", "half_open", "grown_bytes")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, default=30.0)


def run(options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="alknet-bench-") as directory:
        return asyncio.run(_soak(DataPaths(Path(directory)), options.minutes * 60))


async def _soak(paths: DataPaths, seconds: float) -> dict[str, Any]:
    async with running(paths, "-m", "bench.watched_server", LIMITS.model_dump_json()) as server:
        port, pin = (await server.line()).split()
        before = await report(server)
        async with running(paths, "-m", "bench.churn", port, pin) as churn:
            await churn.line()
            samples = await _watch(server, seconds)
            await churn.say("enough")
            told = json.loads(await churn.line())
        left = await _left(server, before)
    failed = sum(told["failed"].values()) > MOST_FAILED * sum(told["done"].values())
    judged = judge(samples, [*left, *(["peers"] if failed else [])])
    return {"minutes": seconds / 60, **judged, "left": left, **told, "samples": samples}


def judge(samples: list[dict[str, Any]], wrong: list[str]) -> dict[str, Any]:
    """Growth between the second and the last sixth of the samples, and what is wrong."""
    early, late = (
        median(sample["rss_mib"] for sample in some) for some in (samples[SIXTH : 2 * SIXTH], samples[-SIXTH:])
    )
    grown = 100 * (late / early - 1)
    failures = [*(["memory"] if grown >= MOST_PERCENT else []), *wrong]
    return {"early_mib": early, "late_mib": late, "grown_percent": round(grown, 2), "failures": failures}


async def _watch(server: Child, seconds: float) -> list[dict[str, Any]]:
    samples, began = [], time.monotonic()
    for number in range(1, SAMPLES + 1):
        await asyncio.sleep(max(0.0, began + seconds * number / SAMPLES - time.monotonic()))
        told = await report(server)
        samples.append(
            {
                "second": round(time.monotonic() - began),
                "rss_mib": round(told["rss"] / (1 << 20), 2),
                **{name: told[name] for name in ("hosts", "tasks", "timers", "routes", "streams", "half_open")},
            }
        )
    return samples


async def _left(server: Child, before: dict[str, Any]) -> dict[str, int]:
    """What there is more of than before, as soon as that is nothing, or once everything should have gone."""
    end = time.monotonic() + LIMITS.idle_timeout + SETTLE_S
    while True:
        now = await report(server)
        left = {name: now[name] - before[name] for name in COUNTED if now[name] > before[name]}
        if not left or time.monotonic() > end:
            return left
        await asyncio.sleep(1.0)
