"""A lookup on the hot path: from a fingerprint to an identity, in an index of many peers.

Keys are asked for in random order, so that the processor's caches help no more than they do in life.
"""

import argparse
import random
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

from bench.sample import sample_peers
from node.core.index import IndexProvider, build_index
from node.core.peers import PeerEntry

NAME = "resolve"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--peers", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=7)


def run(options: argparse.Namespace) -> dict[str, Any]:
    peers = list(sample_peers(options.peers))
    provider = IndexProvider()
    provider.publish(build_index(peers))
    random.Random(1).shuffle(peers)
    results = [_microseconds(provider, peers) for _ in range(options.runs)]
    return {
        "peers": options.peers,
        "runs": options.runs,
        "lookup_us": round(median(results), 3),
        "lookup_max_us": round(max(results), 3),
    }


def _microseconds(provider: IndexProvider, peers: Sequence[PeerEntry]) -> float:
    """The mean time of one lookup over all peers' keys, the loop around it included."""
    # Fresh texts, like those that come from a handshake: neither the index's own objects nor hashed before.
    names = ["".join(list(peer.fingerprints[0])) for peer in peers]
    assert all(provider.resolve_from_fingerprint("".join(list(name))) for name in names)
    resolve = provider.resolve_from_fingerprint
    before = time.perf_counter()
    for name in names:
        resolve(name)
    return (time.perf_counter() - before) / len(names) * 1e6
