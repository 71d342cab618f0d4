"""Node and panel are killed at random under load; then journal, activity, presence and clients must tell one story.

Real processes on one data directory, and peers that connect and leave all the time. Each kill is a SIGKILL, mostly
while the process serves, now and then while it is still beginning. What is compared is in bench.agreement: every event
of the journal is kept once; who is connected and when each peer was seen follows from the events; every connection
whose first answer came 50 ms before a kill of the node is told of; and at the end those who stayed are those who are
shown. `failures` names what does not agree, and the exit code is 1 then.
"""

import argparse
import asyncio
import random
import sys
import time
from typing import Any

from bench import mortal
from bench.agreement import disagreements, journal_rows, rows, unseen
from bench.database import filled_database
from bench.mortal import Mortal
from bench.visitors import Visitors
from node.control.client import ControlClient
from node.core.paths import DataPaths

NAME = "kills"
SETTLE_S = 30.0
EARLY = 0.15
"""Share of the kills that do not wait until the process serves."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)


def run(options: argparse.Namespace) -> dict[str, Any]:
    with filled_database(options.clients, keyed=options.clients) as paths:
        return asyncio.run(_run(paths, options))


async def _run(paths: DataPaths, options: argparse.Namespace) -> dict[str, Any]:
    more = {
        "ALKNET_QUIC__MAX_CONNECTIONS_PER_ADDRESS": "1000",
        "ALKNET_QUIC__MAX_HALF_OPEN_PER_ADDRESS": "400",
        "ALKNET_QUIC__HANDSHAKES_PER_SECOND": "1000",
    }
    node, web = mortal.node(paths, **more), mortal.web(paths)
    began = time.monotonic()
    try:
        for process in (node, web):
            await process.start()
            await process.ready()
        visitors = Visitors(options.clients, node.facts["address"], node.facts["fingerprint"])
        visiting = asyncio.create_task(visitors.run())
        kills = await _kill(node, web, options)
        visitors.stay()
        failures = await _compare(paths, node, visitors)
        visitors.leave()
        await visiting
    finally:
        await web.stop()
        await node.stop()
    told = journal_rows(paths.journal)
    failures += unseen(visitors.visits, told, node.deaths)
    return {
        **kills,
        "seconds": round(time.monotonic() - began, 1),
        "clients": options.clients,
        "visits": len(visitors.visits),
        "answered": sum(visit.answered is not None for visit in visitors.visits),
        "events": len(told),
        "lives": len({row["boot"] for row in told}),
        "failures": failures,
    }


async def _kill(node: Mortal, web: Mortal, options: argparse.Namespace) -> dict[str, int]:
    """All the kills, each with a new beginning after it."""
    chance = random.Random(options.seed)
    counts = {"kills": 0, "of_node": 0, "of_web": 0, "of_both": 0, "early": 0}
    while counts["kills"] < options.kills:
        which, chosen = chance.choices(
            [("of_node", [node]), ("of_web", [web]), ("of_both", [node, web])], weights=[45, 45, 10]
        )[0]
        await asyncio.sleep(chance.uniform(0.0, 1.0))
        await asyncio.gather(*(process.kill() for process in chosen))
        for process in chosen:
            await process.start()
        counts["kills"] += 1
        counts[which] += 1
        if chance.random() < EARLY and counts["kills"] < options.kills:
            await asyncio.sleep(chance.uniform(0.0, 1.5))
            await asyncio.gather(*(process.kill() for process in chosen))
            for process in chosen:
                await process.start()
            counts["kills"] += 1
            counts["early"] += 1
        await asyncio.gather(*(process.ready() for process in chosen))
        if counts["kills"] % 20 == 0:
            print(counts, file=sys.stderr, flush=True)
    return counts


async def _compare(paths: DataPaths, node: Mortal, visitors: Visitors) -> list[str]:
    """What does not agree while everybody stays, once nothing moves any more."""
    everybody = {visit.peer_id for visit in visitors.visits}
    found = ["nothing was compared"]
    end = time.monotonic() + SETTLE_S
    while found and time.monotonic() < end:
        await asyncio.sleep(1.0)
        found = list(disagreements(paths.journal, paths.database))
        if visitors.present != everybody:
            found.append(f"clients: {len(everybody - visitors.present)} of them are not connected")
        found += _presence(paths, everybody)
    return found


def _presence(paths: DataPaths, everybody: set[str]) -> list[str]:
    """Whether those who are shown as connected are those who are, as they and as the node tell."""
    kept = {
        (row["connection"], row["peer_id"])
        for row in rows(paths.database, "SELECT connection, peer_id FROM activity_connection")
    }
    with ControlClient(paths.control_socket) as control:
        live = {(one["id"], one["peer"]) for one in control.call("node/connections", {"after": 0})["connections"]}
    wrong = [] if kept == live else [f"presence: {len(kept ^ live)} connections differ from the node's own list"]
    shown = {peer_id for _, peer_id in kept}
    return (
        wrong if shown == everybody else [*wrong, f"presence: {len(shown ^ everybody)} peers differ from the clients"]
    )
