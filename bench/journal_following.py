"""The panel's half of `bench journal`: how late events are on a page, and how a million of them are listed."""

import argparse
import asyncio
import json
import random
from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bench import mortal
from bench.agreement import disagreements, rows
from bench.child import Child, running
from bench.database import run_child
from bench.figures import percentile
from bench.mortal import Mortal
from bench.onlooker import Panel
from node.core.paths import DataPaths

SETTLE_S = 30.0
QUERIES = (
    "",
    "kind=denied",
    "kind=refused",
    "kind=enforced",
    "peer=peer-000007",
    "peer=nobody",
    "alpn=h3",
    "alpn=alknet/call&kind=limited",
    "peer=peer-000003&kind=enforced",
    "since=2026-01-10T00:00:00&until=2026-01-10T01:00:00",
    "until=2026-01-05T00:00:00&kind=closed",
    "before=500000",
    "text=nowhere",
)
"""What is asked of the list: filters that find much, little and nothing, near and far."""


async def followed_and_listed(paths: DataPaths, options: argparse.Namespace) -> dict[str, Any]:
    """`options` are those of `bench journal`; `failures` says what was lost or doubled."""
    web = mortal.web(paths)
    cookie = run_child(paths, "-m", "bench.session").strip()
    cookie_file = paths.data / "cookie"
    cookie_file.write_text(cookie)
    await web.start()
    await web.ready()
    url = f"http://{web.facts['address']}"
    try:
        followed = await _follow(paths, web, (url, str(cookie_file)), options)
        run_child(paths, "-m", "bench.fill_events", str(paths.database), str(options.kept))
        listed = await asyncio.to_thread(_list, Panel(url, cookie), options.fetches)
        return {**followed, **listed, "web_rss_mb": web.rss_mb()}
    finally:
        await web.stop()


async def _follow(paths: DataPaths, web: Mortal, page: tuple[str, str], options: argparse.Namespace) -> dict[str, Any]:
    seconds = options.seconds
    tell = ("-m", "bench.teller", str(paths.journal), str(options.rate), str(seconds), "1000")
    writes = int(seconds * 10)
    write = ("-m", "bench.django_writer", "describe", "1000", str(writes), "50")
    look = ("-m", "bench.browser" if options.browser else "bench.onlooker", *page)
    async with running(paths, *tell) as teller, running(paths, *look) as onlooker, running(paths, *write) as writer:
        for child in (teller, onlooker, writer):
            assert await child.line() == "ready"
        cpu = web.cpu_s()
        for child in (teller, writer):
            await child.say("go")
        waits = await _write_waits(writer, writes)
        told = int(await _last_line(teller, seconds))
        cpu = web.cpu_s() - cpu
        await _imported(paths, told)
        await onlooker.say(str(rows(paths.database, "SELECT max(id) AS last FROM activity_event")[0]["last"]))
        seen = json.loads(await onlooker.line())
    kept = rows(paths.database, "SELECT id, at FROM activity_event ORDER BY id")
    return {
        "told": told,
        **_figures(kept, seen),
        "web_cpu": round(cpu / seconds, 2),
        "write_p99_ms": round(percentile(waits, 99), 1),
        "write_max_ms": round(max(waits), 1),
        "failures": [*disagreements(paths.journal, paths.database), *_losses(told, kept, seen)],
    }


def _figures(kept: list[dict[str, Any]], seen: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds from each event to the first word that reached so far, and to its row on the page."""
    words, on_page = seen["heard"], {identity: at for at, identity in seen["shown"]}
    numbers = [identity for _, identity in words]

    def heard(identity: int) -> float | None:
        place = bisect_left(numbers, identity)
        return words[place][0] if place < len(words) else None

    lags, shown = _delays(kept, heard), _delays(kept, on_page.get)
    return {
        "lag_p50_ms": round(percentile(lags, 50)),
        "lag_p99_ms": round(percentile(lags, 99)),
        "on_screen_p50_ms": round(percentile(shown, 50)),
        "on_screen_p99_ms": round(percentile(shown, 99)),
        "on_screen_max_ms": round(max(shown)),
        "fetches": seen["fetches"],
    }


def _delays(kept: list[dict[str, Any]], moment: Callable[[int], float | None]) -> list[float]:
    found = [(moment(row["id"]), row["at"]) for row in kept]
    return [1000 * (at - datetime.fromisoformat(began).replace(tzinfo=UTC).timestamp()) for at, began in found if at]


def _losses(told: int, kept: list[dict[str, Any]], seen: dict[str, Any]) -> list[str]:
    failures = []
    if len(kept) != told:
        failures.append(f"{told} events were told, {len(kept)} are kept")
    missing = {row["id"] for row in kept} - {identity for _, identity in seen["shown"]}
    if missing:
        failures.append(f"{len(missing)} events were never in the table of the page")
    if seen["doubled"]:
        failures.append("events stood in the table of the page twice")
    if seen["heard"][-1][1] != kept[-1]["id"]:
        failures.append("the last event was never told on the socket")
    return failures


async def _imported(paths: DataPaths, told: int) -> None:
    """Wait until as many events are kept as were told, or no longer."""
    for _ in range(int(SETTLE_S)):
        if rows(paths.database, "SELECT count(*) AS n FROM activity_event")[0]["n"] >= told:
            return
        await asyncio.sleep(1.0)


async def _write_waits(writer: Child, writes: int) -> list[float]:
    """How long each change took, from its beginning to its commit, in milliseconds."""
    return [float((await writer.line()).split()[2]) for _ in range(writes)]


async def _last_line(child: Child, seconds: float) -> str:
    """A line that comes once the child has done its work."""
    async with asyncio.timeout(seconds + 60):
        while True:
            try:
                return await child.line()
            except TimeoutError:
                continue


def _list(panel: Panel, fetches: int) -> dict[str, Any]:
    """The list of a million events, with each of the filters in turn."""
    chance = random.Random(1)
    by_query: dict[str, list[float]] = {}
    for query in QUERIES:
        panel.get(f"/activity/event/?{query}")
    for number in range(fetches):
        query = QUERIES[number % len(QUERIES)]
        path = f"/activity/event/?{query}" if query else f"/activity/event/?before={chance.randrange(1, 1_000_000)}"
        by_query.setdefault(query, []).append(panel.get(path)[1])
    front = [panel.get(f"/now/?span={span}")[1] for _ in range(20) for span in ("hour", "day", "month")]
    samples = [sample for some in by_query.values() for sample in some]
    slowest = max(by_query, key=lambda query: percentile(by_query[query], 50))
    return {
        "activity_p50_ms": round(percentile(samples, 50), 1),
        "activity_p95_ms": round(percentile(samples, 95), 1),
        "dashboard_p95_ms": round(percentile(front, 95), 1),
        "slowest": {slowest: round(percentile(by_query[slowest], 50), 1)},
    }
