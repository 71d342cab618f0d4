"""The journal from the node to a page of the panel: what an event costs, how late it is seen, a list of a million.

All with real processes and files. `hot_path_us` is the CPU of one event of a connection's end, made and recorded;
between them the loop writes. Then ends are recorded at `--rate` a second and followed by another process:
`written_lag_ms` runs from the event to its being read there, `stall_ms` is what the loop was held up beyond a
millisecond's sleep, beside that of a loop that writes nothing; `most_per_s` is what the writer takes without a pause.

Then the node's own writer tells as many a second to the panel's web process, and an onlooker does what the page's
script does: it hears of news by its socket and fetches the rows. `lag` is from an event's own time until its import was
told on the socket, `on_screen` until its row was in the page's table. Nothing may be missing or doubled, neither in the
tables of the panel nor in that of the page. Meanwhile an administrator's changes are made, one every 50 ms:
`write_p99_ms` is what they wait; `web_cpu` is what of one core the web process takes. With `--browser` the page is in a
real browser, which takes a core for itself. Then `--kept` events are put into the database, and the list is fetched
with filters of every kind (`activity`).

`web_rss_mb` is what the web process has in memory after all that, `node_rss_mb` what a node has that serves; both know
`--peers` peers.
"""

import argparse
import asyncio
from typing import Any

from bench import mortal
from bench.database import filled_database
from bench.journal_following import followed_and_listed
from bench.journal_writing import written
from node.core.paths import DataPaths

NAME = "journal"
BARS = {
    "hot_path_us": 20.0,
    "lag_p99_ms": 1000.0,
    "on_screen_p99_ms": 500.0,
    "activity_p95_ms": 300.0,
    "web_rss_mb": 180.0,
    "node_rss_mb": 120.0,
}
"""What is above its bar is named in `failures`."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", type=int, default=20_000, help="of the hot path, and without a pause")
    parser.add_argument("--rate", type=int, default=1_000, help="events a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="at that rate, to each reader")
    parser.add_argument("--browser", action="store_true", help="look at the page in headless Chromium, by Playwright")
    parser.add_argument("--peers", type=int, default=10_000, help="that the node and the panel know; at least 1000")
    parser.add_argument("--kept", type=int, default=1_000_000, help="events of the list")
    parser.add_argument("--fetches", type=int, default=130, help="of the list")


def run(options: argparse.Namespace) -> dict[str, Any]:
    result = written(options)
    with filled_database(options.peers) as paths:
        result |= {"peers": options.peers, **asyncio.run(followed_and_listed(paths, options))}
        result["node_rss_mb"] = asyncio.run(_node_rss(paths))
    above = [f"{name} is above {bar:g}" for name, bar in BARS.items() if result[name] > bar]
    lost = [] if result["complete"] else ["the other process did not read each event once"]
    return {**result, "failures": [*above, *lost, *result["failures"]]}


async def _node_rss(paths: DataPaths) -> float:
    """Once its index is loaded, and what the loading took has been given back, as far as it is."""
    node = mortal.node(paths)
    try:
        await node.start()
        await node.ready()
        await asyncio.sleep(2)
        return node.rss_mb()
    finally:
        await node.stop()
