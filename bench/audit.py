"""The audit log: what a row costs, how fast a log is verified, here and by the documents' verifier, and its pages.

`row_us` is of one transaction with many changes, `single_us` of transactions with one each, `bare_us` of the same rows
written without the chain; each is time of this process, with the database's part. The figures in milliseconds are
the p95 of requests to the panel: first and last page of the list, a filtered one, a searched one, and one change.
"""

import argparse
import json
from typing import Any

from bench.database import filled_database, run_child

NAME = "audit"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the log")
    parser.add_argument("--requests", type=int, default=20, help="requests for each page")


def run(options: argparse.Namespace) -> dict[str, Any]:
    with filled_database(1) as paths:
        told = run_child(paths, "-m", "bench.audit_log", str(options.rows), str(options.requests))
        figures: dict[str, Any] = json.loads(told.splitlines()[-1])
        return {"rows": options.rows, **figures}
