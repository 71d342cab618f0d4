"""From the node's journal to a page of the panel: how late events are shown, and how a million of them are listed.

All with real processes. First a writer, which is the node's own, tells `--rate` events a second, the panel's web
process imports them, and an onlooker does what the page's script does: it hears of news by its socket and fetches the
rows. `lag` is from an event's own time until its import was told on the socket, `shown` until the answer that brought
the page up to it. Nothing may be missing or doubled. Meanwhile an administrator's changes are made, one every 50 ms:
`write_p99_ms` is what they wait. Then `--events` are put into the database, and the list is fetched with filters of
every kind. `web_rss_mb` is what the web process has in memory after all that.
"""

import argparse
import asyncio
import json
import random
import sys
from bisect import bisect_left
from datetime import UTC, datetime
from typing import Any

from bench import mortal
from bench.agreement import disagreements, rows
from bench.child import Child, running
from bench.database import filled_database, run_child
from bench.figures import percentile
from bench.mortal import Mortal
from bench.onlooker import Panel
from node.core.paths import DataPaths

NAME = "follow"
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


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--fetches", type=int, default=130)


def run(options: argparse.Namespace) -> dict[str, Any]:
    with filled_database(1_000) as paths:
        return asyncio.run(_run(paths, options))


async def _run(paths: DataPaths, options: argparse.Namespace) -> dict[str, Any]:
    web = mortal.web(paths)
    cookie = run_child(paths, "-m", "bench.session").strip()
    cookie_file = paths.data / "cookie"
    cookie_file.write_text(cookie)
    await web.start()
    await web.ready()
    url = f"http://{web.facts['address']}"
    try:
        followed = await _follow(paths, web, url, str(cookie_file), options)
        run_child(paths, "-m", "bench.fill_events", str(paths.database), str(options.events))
        listed = await asyncio.to_thread(_list, Panel(url, cookie), options.fetches)
        return {**followed, **listed, "web_rss_mb": round(web.rss_mib(), 1)}
    finally:
        await web.stop()


async def _follow(
    paths: DataPaths, web: Mortal, url: str, cookie_file: str, options: argparse.Namespace
) -> dict[str, Any]:
    seconds = options.seconds
    tell = ("-m", "bench.teller", str(paths.journal), str(options.rate), str(seconds), "1000")
    look = ("-m", "bench.onlooker", url, cookie_file)
    writes = int(seconds * 10)
    write = ("-m", "bench.django_writer", "describe", "1000", str(writes), "50")
    async with running(paths, *tell) as teller, running(paths, *look) as onlooker, running(paths, *write) as writer:
        for child in (teller, onlooker, writer):
            assert await child.line() == "ready"
        for child in (teller, writer):
            await child.say("go")
        waits = await _write_waits(writer, writes)
        told = int(await _last_line(teller, seconds))
        await _imported(paths, told)
        await onlooker.say("enough")
        seen = json.loads(await onlooker.line())
    failures = list(disagreements(paths.journal, paths.database))
    kept = rows(paths.database, "SELECT id, at FROM activity_event ORDER BY id")
    if len(kept) != told:
        failures.append(f"{told} events were told, {len(kept)} are kept")
    if seen["shown"][-1][1] != kept[-1]["id"]:
        failures.append("the last event was never shown")
    if seen["heard"][-1][1] != kept[-1]["id"]:
        failures.append("the last event was never told on the socket")
    lags, shown = _lags(kept, seen["heard"]), _lags(kept, seen["shown"])
    print(f"web after following: {web.rss_mib():.1f} MiB", file=sys.stderr)
    return {
        "rate": options.rate,
        "told": told,
        "lag_p50_ms": round(percentile(lags, 50)),
        "lag_p99_ms": round(percentile(lags, 99)),
        "lag_max_ms": round(max(lags)),
        "shown_p50_ms": round(percentile(shown, 50)),
        "shown_p99_ms": round(percentile(shown, 99)),
        "fetches": len(seen["shown"]),
        "write_p99_ms": round(percentile(waits, 99), 1),
        "write_max_ms": round(max(waits), 1),
        "failures": failures,
    }


async def _imported(paths: DataPaths, told: int) -> None:
    """Wait until as many events are kept as were told, or no longer."""
    for _ in range(int(SETTLE_S)):
        if rows(paths.database, "SELECT count(*) AS n FROM activity_event")[0]["n"] >= told:
            return
        await asyncio.sleep(1.0)


def _lags(kept: list[dict[str, Any]], shown: list[tuple[float, int]]) -> list[float]:
    """Milliseconds from each event to the first word or answer that reached so far."""
    newest = [identity for _, identity in shown]
    lags = []
    for row in kept:
        place = bisect_left(newest, row["id"])
        if place < len(shown):
            at = datetime.fromisoformat(row["at"]).replace(tzinfo=UTC).timestamp()
            lags.append((shown[place][0] - at) * 1000)
    return lags


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
    samples = [sample for some in by_query.values() for sample in some]
    slowest = max(by_query, key=lambda query: percentile(by_query[query], 50))
    return {
        "activity_p50_ms": round(percentile(samples, 50), 1),
        "activity_p95_ms": round(percentile(samples, 95), 1),
        "slowest": {slowest: round(percentile(by_query[slowest], 50), 1)},
    }
