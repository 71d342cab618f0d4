"""The three private pages of a process: its numbers, whether it is ready, and that it is there."""

import json
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from importlib.metadata import version
from platform import python_version
from typing import TYPE_CHECKING

from node.core.health import Check, failing, report
from node.core.metrics import Metrics
from node.exposition.server import JSON, Page, Pages

if TYPE_CHECKING:
    from node.exposition.text import Exposition


def pages(metrics: Callable[[], Awaitable[Page]], checks: Callable[[], Awaitable[list[Check]]]) -> Pages:
    """Whoever reaches a private port is told the details of each check."""

    async def ready() -> Page:
        return ready_page(await checks())

    return {"/metrics": metrics, "/readyz": ready, "/healthz": _healthy}


def exposition(metrics: Metrics, build: Mapping[str, str], prefix: str) -> "Exposition":
    """Makes the page of these numbers, whose names begin with `prefix`."""
    # Only now, for it costs four megabytes and a tenth of a second, which most nodes have no use for.
    made: Exposition = import_module("node.exposition.text").Exposition(metrics, build, prefix)
    return made


def ready_page(checks: list[Check]) -> Page:
    body = json.dumps(report(checks, details=True)).encode() + b"\n"
    return Page(body, JSON, 503 if failing(checks) else 200)


def build() -> dict[str, str]:
    """Which program this is."""
    return {"version": version("alknet"), "python": python_version()}


async def _healthy() -> Page:
    return Page(b"ok\n")
