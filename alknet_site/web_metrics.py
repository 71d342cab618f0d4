"""The private pages of the web process, where the settings give them an address.

They are served on the web server's loop. What asks the database or the node does so in a thread, as views do.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from django.db import connections

from alknet_site.web_numbers import NUMBERS
from apps.activity.importer import Importer
from apps.backups import numbers as backups
from apps.health import selectors
from node.core.health import Check
from node.core.metrics import Kind, Labelled, Meaning, Metrics, counters
from node.exposition.pages import build, exposition, pages
from node.exposition.server import Page, PrivateServer
from node.loop_lag import LoopLag

T = TypeVar("T")
PREFIX = "alknet_web_"

_IMPORTED = counters(
    imported="Events of the journal that the panel has taken over.",
    failures="Times that they could not be taken over; they are then, later.",
)


@contextlib.asynccontextmanager
async def show_metrics(listen: str | None, importer: Importer) -> AsyncIterator[None]:
    """Serve them for as long as the block lasts. An address that is taken is logged, and the panel goes on without."""
    if listen is None:
        yield
        return
    lag = LoopLag()
    numbers = exposition(_metrics(lag, importer), build(), PREFIX)

    async def metrics() -> Page:
        return await _apart(numbers.page_at_once)  # some of them ask the database

    async def checks() -> list[Check]:
        return await _apart(selectors.health_report)

    server, beating = PrivateServer(listen, pages(metrics, checks)), asyncio.create_task(lag.run())
    await server.start_or_tell()
    try:
        yield
    finally:
        beating.cancel()
        await server.close()


async def _apart(work: Callable[[], T]) -> T:
    """What `work` gives, in a thread whose connections to the database end with it."""

    def run() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)


def _metrics(lag: LoopLag, importer: Importer) -> Metrics:
    metrics = Metrics()
    NUMBERS.add_to(metrics)
    metrics.add_histogram("loop_lag_seconds", "How late the loop was, looked at twice a second.", lag.seconds)
    metrics.add("activity", lambda: {"imported": importer.imported, "failures": importer.failures}, meanings=_IMPORTED)
    well = Meaning(Kind.GAUGE, "1 where the check is well, else 0; see the table of checks.")
    metrics.add_labelled(Labelled("check", well, "check", _checks))
    for name, text, read in (
        ("node_answers", "1 where the node answers on its control socket, else 0.", _node_answers),
        ("index_behind_changes", "Committed changes that the node has not read yet.", _behind_changes),
        ("index_behind_seconds", "For how long the oldest of them waits.", _behind_seconds),
    ):
        metrics.add_single(name, Meaning(Kind.GAUGE, text), read)
    backups.add_to(metrics)
    return metrics


def _checks() -> dict[str, float]:
    return {check.name: float(check.ok) for check in selectors.REPORTS.current().checks}


def _node_answers() -> float:
    return float(selectors.REPORTS.current().node_answers)


def _behind_changes() -> float | None:
    lag = selectors.REPORTS.current().lag
    return None if lag is None else float(lag.notifications)


def _behind_seconds() -> float | None:
    lag = selectors.REPORTS.current().lag
    return None if lag is None else lag.seconds
