"""A part of `bench panel`: peers of a CSV file, imported by the command, with a node's store following.

`import_s` is from the start of `alknet peer import` to the index that has them all; `import_swaps` is how many indexes
that took. `reimport_s` is of a file that changes every one of them.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.child import TIMEOUT_S
from bench.database import ROOT, environment
from node.core.index import IndexSwap
from node.core.paths import DataPaths
from node.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from bench.panel import Appliance


async def measure(appliance: "Appliance", options: argparse.Namespace) -> dict[str, Any]:
    """Of as many new peers as there are others."""
    paths, peers = appliance.paths, options.peers
    store = SqliteStore(paths.database)
    await store.start()
    await store.wait_loaded()
    before, swaps = len(store.index.peers), list[IndexSwap]()
    store.subscribe(swaps.append)
    added_s, added = await _timed(paths, _file(paths, peers, "git:read"), swaps)
    changed_s, changed = await _timed(paths, _file(paths, peers, "git:write"), swaps)
    assert len(store.index.peers) == before + peers
    assert sum("git:write" in peer.scopes for peer in store.index.peers.values()) >= peers
    await store.stop()
    return {
        "import_s": round(added_s, 2),
        "import_swaps": added,
        "reimport_s": round(changed_s, 2),
        "reimport_swaps": changed,
    }


async def _timed(paths: DataPaths, file: Path, swaps: list[IndexSwap]) -> tuple[float, int]:
    """Until the command has ended and the index is another; then a moment for swaps that should not come."""
    swaps.clear()
    command = ("-m", "node.cli.main", "peer", "import", str(file))
    start = time.perf_counter()
    child = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, env=environment(paths), stdout=asyncio.subprocess.DEVNULL
    )
    assert await asyncio.wait_for(child.wait(), TIMEOUT_S) == 0
    while not swaps:
        await asyncio.sleep(0.005)
    taken = time.perf_counter() - start
    await asyncio.sleep(1)
    return taken, len(swaps)


def _file(paths: DataPaths, peers: int, scope: str) -> Path:
    """A CSV file of peers with a key and two scopes each."""
    rows = (f"imported-{number:06},ed25519:{number:064x},call:echo {scope}" for number in range(peers))
    file = paths.data.parent / "peers.csv"
    file.write_text("\n".join(["peer_id,keys,scopes", *rows]) + "\n")
    return file
