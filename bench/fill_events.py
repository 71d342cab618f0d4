"""Fills the panel's table of events. Run as `python -m bench.fill_events PATH COUNT`."""

import contextlib
import json
import random
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from bench.sample import peer_name

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = 30 * 86_400
KINDS = ("connected", "closed", "denied", "refused", "enforced", "limited")
WEIGHTS = (350, 350, 200, 80, 1, 19)
_COUNT = """
    INSERT INTO activity_tally (span, start, kind, count)
    SELECT 3600, CAST(strftime('%s', at) AS INTEGER) / 3600 * 3600 AS start, kind, count(*)
    FROM activity_event WHERE journal = 'bench' GROUP BY start, kind
    ON CONFLICT (span, start, kind) DO UPDATE SET count = count + excluded.count"""
_INSERT = """
    INSERT INTO activity_event
        (journal, number, at, boot, kind, connection, peer_id, fingerprint, alpn, address, reason, detail)
    VALUES ('bench', ?, ?, 'bbbbbbbbbbbbbbbb', ?, ?, ?, ?, ?, ?, ?, ?)"""


def events(count: int) -> Iterator[tuple[Any, ...]]:
    """A month of a busy node: few peers make most of it, one event in ten is a stranger's."""
    chance = random.Random(count)
    kinds = chance.choices(KINDS, WEIGHTS, k=count)
    for number, kind in enumerate(kinds, 1):
        peer = int(chance.paretovariate(1.2)) % 1_000
        at = BEGIN + timedelta(seconds=number * SECONDS / count)
        yield (
            number,
            f"{at:%Y-%m-%d %H:%M:%S.%f}",
            kind,
            number // 3,
            None if number % 10 == 0 else peer_name(peer),
            f"ed25519:{peer:064x}",
            "h3" if number % 1_000 == 0 else "alknet/call",
            f"192.0.2.{number % 250}:4433",
            "closed" if kind == "closed" else "",
            json.dumps({"seconds": number / 7, "bytes_received": number, "bytes_sent": 4096, "code": 0}),
        )


def main(path: str, count: str) -> None:
    rows = events(int(count))
    with contextlib.closing(sqlite3.connect(path, timeout=60)) as database:
        while some := list(islice(rows, 5_000)):
            with database:
                database.executemany(_INSERT, some)
        with database:
            database.execute(_COUNT)


if __name__ == "__main__":
    main(*sys.argv[1:])
