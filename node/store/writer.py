"""Writing peers (spec core §9, decisions 7 and 8): each write with its notification in one transaction."""

from dataclasses import asdict

import msgspec

from node.core.errors import BackendError, NotFound
from node.core.peers import InvalidPeer, PeerEntry, peer_entry
from node.honker_file import Database, Transaction
from node.store.commit import Committer

_COLUMNS = ("peer_id", "fingerprints", "auth_token_hash", "scopes", "resources", "display_name", "enabled")
_UPSERT = f"""
    INSERT INTO peers ({", ".join(_COLUMNS)}) VALUES ({", ".join("?" * len(_COLUMNS))})
    ON CONFLICT (peer_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])}"""  # noqa: S608 - constants of this module
_RENAME = "UPDATE peers SET peer_id = ? WHERE peer_id = ?"
_REMOVE = "DELETE FROM peers WHERE peer_id = ?"
_RENAME_TERMS = "UPDATE peer_terms SET peer_id = ?1, id = fingerprint || ' ' || ?1 WHERE peer_id = ?2"
_REMOVE_TERMS = "DELETE FROM peer_terms WHERE peer_id = ?"
_RENAME_GRANTS = "UPDATE access_grants SET peer_id = ? WHERE peer_id = ?"
_REMOVE_GRANTS = "DELETE FROM access_grants WHERE peer_id = ?"
_EXISTS = "SELECT 1 FROM peers WHERE peer_id = ?"
_HOLDERS = """
    SELECT p.peer_id AS peer_id FROM peers AS p
    WHERE p.peer_id NOT IN (?1, ?2) AND (
        p.auth_token_hash = ?3
        OR EXISTS (
            SELECT 1 FROM json_each(CASE WHEN json_valid(p.fingerprints) THEN p.fingerprints ELSE '[]' END) AS held
            WHERE held.value IN (SELECT value FROM json_each(?4))
        )
    ) LIMIT 1"""


class PeerWriter:
    """Writes peers, and refuses what another peer holds. A write happens as a whole, or raises and changes nothing."""

    def __init__(self, committer: Committer) -> None:
        self._committer = committer

    async def put_peer(self, database: Database | None, peer: PeerEntry) -> None:
        await self._committer.commit(database, lambda tx: _write(tx, peer.peer_id, peer))

    async def update_peer(self, database: Database | None, peer_id: str, peer: PeerEntry) -> None:
        def update(tx: Transaction) -> None:
            _require(tx, peer_id)
            if peer.peer_id != peer_id:
                _rename(tx, peer_id, peer.peer_id)
            _write(tx, peer_id, peer)

        await self._committer.commit(database, update)

    async def remove_peer(self, database: Database | None, peer_id: str) -> None:
        def remove(tx: Transaction) -> None:
            _require(tx, peer_id)
            tx.execute(_REMOVE, [peer_id])
            tx.execute(_REMOVE_TERMS, [peer_id])
            tx.execute(_REMOVE_GRANTS, [peer_id])

        await self._committer.commit(database, remove)


def _write(tx: Transaction, peer_id: str, peer: PeerEntry) -> None:
    """Insert or replace. `peer_id` is the name under which its keys stood until now."""
    try:
        peer_entry(asdict(peer))
    except InvalidPeer as error:
        raise BackendError(str(error)) from error
    keys = msgspec.json.encode(peer.fingerprints).decode()
    holders = tx.query(_HOLDERS, [peer_id, peer.peer_id, peer.auth_token_hash, keys])
    if holders:
        raise BackendError(f"a key or token of {peer.peer_id!r} belongs to {holders[0]['peer_id']!r}")
    scopes, resources = (msgspec.json.encode(value).decode() for value in (peer.scopes, peer.resources))
    tx.execute(
        _UPSERT,
        [peer.peer_id, keys, peer.auth_token_hash, scopes, resources, peer.display_name, int(peer.enabled)],
    )


def _rename(tx: Transaction, old: str, new: str) -> None:
    if tx.query(_EXISTS, [new]):
        raise BackendError(f"a peer named {new!r} exists")
    tx.execute(_RENAME, [new, old])
    tx.execute(_REMOVE_TERMS, [new])
    tx.execute(_RENAME_TERMS, [new, old])
    tx.execute(_REMOVE_GRANTS, [new])
    tx.execute(_RENAME_GRANTS, [new, old])


def _require(tx: Transaction, peer_id: str) -> None:
    if not tx.query(_EXISTS, [peer_id]):
        raise NotFound(f"peer {peer_id!r}")
