"""A part of `bench panel`: every list of the panel, as a browser that is signed in fetches it."""

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bench.database import run_child
from bench.figures import percentile
from bench.onlooker import Panel
from bench.sample import sample_peers
from node.core.fingerprint import spellings

if TYPE_CHECKING:
    from bench.panel import Appliance

LISTS = (
    "/peers/peer/",
    "/peers/peer/?o=-3.1",
    "/peers/peer/?o=4",
    "/peers/peer/?o=-7",
    "/peers/peer/?p=last",
    "/peers/peer/?q=0077",
    "/peers/peer/?q=nothing-of-the-kind",
    "/peers/peer/?q=KEY",
    "/peers/peer/?q=HASH",
    "/peers/peer/?scope=SCOPE",
    "/peers/peer/?connected=not&locked=no&token=none&enabled__exact=1",
    "/peers/apikey/",
    "/credentials/credential/",
    "/locks/lock/",
    "/audit/auditentry/",
    "/audit/auditentry/?q=peer-0000",
    "/activity/event/",
    "/activity/event/?kind=denied",
    "/activity/connection/",
    "/enrolment/invite/",
    "/enrolment/claim/",
    "/enrolment/stranger/",
    "/backups/backup/",
    "/auth/user/",
    "/",
)
"""KEY, HASH, SCOPE and last stand for what one of the peers has, and for the number of the last page."""
PER_PAGE = 25


async def measure(appliance: "Appliance", options: argparse.Namespace) -> dict[str, Any]:
    run_child(appliance.paths, "-m", "bench.fill_events", str(appliance.paths.database), str(options.events))
    return await asyncio.to_thread(_measure, Panel(appliance.url, appliance.cookie), options)


def _measure(panel: Panel, options: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds from a request to the last byte of its page; those of the slowest list, and of each on stderr."""
    words = _words(options.peers)
    by_list = {view: _fetched(panel, _address(view, words), options.looks) for view in LISTS}
    for view, some in by_list.items():
        print(f"{percentile(some, 50):7.1f} {percentile(some, 95):7.1f} ms  {view}", file=sys.stderr)
    return {
        "events": options.events,
        "list_p50_ms": round(max(percentile(some, 50) for some in by_list.values()), 1),
        "list_p95_ms": round(max(percentile(some, 95) for some in by_list.values()), 1),
    }


def _fetched(panel: Panel, address: str, times: int) -> list[float]:
    panel.get(address)
    return [panel.get(address)[1] for _ in range(times)]


def _words(peers: int) -> dict[str, str]:
    *_, peer = sample_peers(peers, 0)
    (key, *_) = peer.fingerprints
    return {
        "KEY": key,
        "HASH": spellings(key).openssh_fingerprint or key,
        "SCOPE": peer.scopes[0],
        "last": str(-(-peers // PER_PAGE)),
    }


def _address(view: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        view = view.replace(f"={name}", f"={quote(value)}")
    return view
