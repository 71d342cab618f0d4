"""The identity store in memory: peers from a configuration file, or written by the program that embeds the node."""

import logging
from dataclasses import asdict
from pathlib import Path

from node.core.errors import BackendError, NotFound
from node.core.forwarding.rules import ForwardingProvider
from node.core.index import IndexProvider, PeerIndex, build_index
from node.core.peers import InvalidPeer, PeerEntry, peer_entry
from node.core.repository import IdentityStore
from node.store.policy import AuthPolicy, PolicyError, load_peers_file

logger = logging.getLogger(__name__)


class MemoryIdentityStore(IndexProvider, ForwardingProvider, IdentityStore):
    """Everything in memory. A write takes effect before it returns, and is lost at the end or at the next reload.

    It has no locks and no forwarding rules: they are rows of the appliance's database. Whoever serves from a file
    disables a peer in it, and nobody forwards.
    """

    def __init__(self, policy: AuthPolicy | None = None) -> None:
        IndexProvider.__init__(self)
        ForwardingProvider.__init__(self)
        self._path: Path | None = None
        self.replace(policy or AuthPolicy())

    @classmethod
    def from_file(cls, path: Path) -> "MemoryIdentityStore":
        """A store of the peers in a TOML file, which `reload` reads again. Raises PolicyError."""
        store = cls(load_peers_file(path))
        store._path = path
        return store

    def replace(self, policy: AuthPolicy) -> None:
        """Forget everything, and serve this policy."""
        self.publish(build_index(policy.peers, policy.api_keys, self.index.generation + 1))

    def reload(self) -> None:
        """Read the file again. One that cannot be used is logged and changes nothing: the last good peers stay."""
        if self._path is None:
            return
        try:
            policy = load_peers_file(self._path)
        except PolicyError as error:
            logger.error("peers file refused", extra={"error": str(error)})
            return
        self.replace(policy)
        logger.info("peers file loaded", extra={"path": str(self._path), "peers": len(policy.peers)})

    async def put_peer(self, peer: PeerEntry) -> None:
        self._write(peer.peer_id, peer)

    async def update_peer(self, peer_id: str, peer: PeerEntry) -> None:
        self._require(peer_id)
        if peer.peer_id != peer_id and peer.peer_id in self.index.peers:
            raise BackendError(f"a peer named {peer.peer_id!r} exists")
        self._write(peer_id, peer)

    async def remove_peer(self, peer_id: str) -> None:
        self._require(peer_id)
        self._apply({peer_id: None})

    def _write(self, old_id: str, peer: PeerEntry) -> None:
        try:
            peer = peer_entry(asdict(peer))
        except InvalidPeer as error:
            raise BackendError(str(error)) from error
        holder = _other_holder(self.index, old_id, peer)
        if holder is not None:
            raise BackendError(f"a key or token of {peer.peer_id!r} belongs to {holder!r}")
        self._apply({old_id: None, peer.peer_id: peer})

    def _apply(self, changes: dict[str, PeerEntry | None]) -> None:
        self.publish(self.index.apply(changes, {}, self.index.generation + 1), frozenset(changes))

    def _require(self, peer_id: str) -> None:
        if peer_id not in self.index.peers:
            raise NotFound(f"peer {peer_id!r}")


def _other_holder(index: PeerIndex, old_id: str, peer: PeerEntry) -> str | None:
    """Another peer, enabled or not, that has one of these credentials."""
    wanted = set(peer.fingerprints)
    for other in index.peers.values():
        same_token = peer.auth_token_hash is not None and other.auth_token_hash == peer.auth_token_hash
        if other.peer_id not in (old_id, peer.peer_id) and (same_token or not wanted.isdisjoint(other.fingerprints)):
            return other.peer_id
    return None
