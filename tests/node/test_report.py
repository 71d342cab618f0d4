"""What a node says of those whom it turned away."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from node import report
from node.core.metrics import Metrics


def test_the_numbers_of_all_rooms_stand_side_by_side() -> None:
    metrics = Metrics()
    metrics.add("quic", lambda: {"connections": 3, "retried": 1}, lambda: {"retried": 1})
    metrics.add("endpoint", lambda: {"connections": 2})
    assert metrics.snapshot() == {"quic.connections": 3, "quic.retried": 1, "endpoint.connections": 2}
    assert metrics.troubles() == {"quic.retried": 1}


async def test_there_is_a_line_only_where_a_count_has_grown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(report, "EVERY", 0.01)
    caplog.set_level("INFO")
    counts, metrics = Counter(strangers_dropped=7), Metrics()
    metrics.add("quic", lambda: counts, lambda: dict(counts))
    task = asyncio.create_task(report.report(metrics))
    await asyncio.sleep(0.05)
    assert not caplog.records
    counts["strangers_dropped"] += 5000
    counts["undecryptable"] += 1
    async with asyncio.timeout(60):
        while not caplog.records:
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    [record] = caplog.records
    told: Any = record
    assert told.counts == {"quic.strangers_dropped": 5000, "quic.undecryptable": 1}
