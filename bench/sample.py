"""Peers to measure with: a key each, a token for every second one, a few scopes, and resources for every third."""

import hashlib
import random
from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.core.peers import PeerEntry
from node.quic.tls.keys import NodeKey


def sample_peers(count: int, keyed: int = 0) -> Iterator[PeerEntry]:
    """The same `count` peers at every call. The first `keyed` hold keys of `sample_key`, the others random ones."""
    chance = random.Random(count)
    for number in range(count):
        fingerprint = f"ed25519:{chance.randbytes(32).hex()}"
        yield PeerEntry(
            peer_id=peer_name(number),
            fingerprints=(sample_key(number).fingerprint if number < keyed else fingerprint,),
            auth_token_hash=f"sha256:{chance.randbytes(32).hex()}" if number % 2 else None,
            scopes=("call:echo", "ssh:shell"),
            resources={"repo": ("web", "docs")} if number % 3 == 0 else {},
            display_name=f"Peer number {number}",
        )


def sample_key(number: int) -> NodeKey:
    """The private key of one keyed peer; no secret, since anybody can make it again."""
    return NodeKey(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"bench {number}".encode()).digest()))


def peer_name(number: int) -> str:
    return f"peer-{number:06}"
