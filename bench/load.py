"""Start-up: from an open file to a whole index, and how long the loop is held meanwhile.

Each run is a process of its own. A stall is the longest that a task which sleeps 1 ms at a time woke up late. `load_ms`
and `stall_ms` are medians over the runs, `stall_max_ms` is the worst of all.
"""

import argparse
import json
from statistics import median
from typing import Any

from bench.database import filled_database, run_child

NAME = "load"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--peers", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)


def run(options: argparse.Namespace) -> dict[str, Any]:
    with filled_database(options.peers) as paths:
        results = [
            json.loads(run_child(paths, "-m", "bench.loading", str(paths.database))) for _ in range(options.runs)
        ]
    assert all(result["peers"] == options.peers for result in results)
    stalls = [result["stall_ms"] for result in results]
    return {
        "peers": options.peers,
        "runs": options.runs,
        "load_ms": round(median(result["load_ms"] for result in results), 1),
        "stall_ms": round(median(stalls), 2),
        "stall_max_ms": round(max(stalls), 2),
    }
