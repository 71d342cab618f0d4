"""The write half of the SQLite store (spec core §9): rows and their notifications in one transaction.

The notifications come from the file's own triggers, and the writer's own index learns of a write like everybody else's:
there is no write-through.
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict

import msgspec

from node.core.errors import BackendError, NotFound
from node.core.live import Live
from node.core.peers import InvalidPeer, PeerEntry, peer_entry
from node.store.database import Database, Transaction
from node.store.limits import StoreLimits

_BUSY_PAUSE = 0.01
"""Seconds between two tries for the write lock."""

_COLUMNS = ("peer_id", "fingerprints", "auth_token_hash", "scopes", "resources", "display_name", "enabled")
_UPSERT = f"""
    INSERT INTO peers ({", ".join(_COLUMNS)}) VALUES ({", ".join("?" * len(_COLUMNS))})
    ON CONFLICT (peer_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])}"""  # noqa: S608 - constants of this module
_RENAME = "UPDATE peers SET peer_id = ? WHERE peer_id = ?"
_REMOVE = "DELETE FROM peers WHERE peer_id = ?"
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
    """One write at a time. Each returns after its commit, or raises and has changed nothing.

    Another process's lock is waited for on the loop, up to `write_timeout` seconds. A write that is cancelled while it
    waits has not happened.
    """

    def __init__(self, limits: Live[StoreLimits]) -> None:
        self._limits = limits
        self._lock = asyncio.Lock()

    async def put_peer(self, database: Database | None, peer: PeerEntry) -> None:
        await self._commit(database, lambda tx: _write(tx, peer.peer_id, peer))

    async def update_peer(self, database: Database | None, peer_id: str, peer: PeerEntry) -> None:
        def update(tx: Transaction) -> None:
            _require(tx, peer_id)
            if peer.peer_id != peer_id:
                _rename(tx, peer_id, peer.peer_id)
            _write(tx, peer_id, peer)

        await self._commit(database, update)

    async def remove_peer(self, database: Database | None, peer_id: str) -> None:
        def remove(tx: Transaction) -> None:
            _require(tx, peer_id)
            tx.execute(_REMOVE, [peer_id])

        await self._commit(database, remove)

    async def _commit(self, database: Database | None, work: Callable[[Transaction], None]) -> None:
        if database is None:
            raise BackendError("the database is not open")
        async with self._lock:
            try:
                async with asyncio.timeout(self._limits.value.write_timeout):
                    while not _try_commit(database, work):  # noqa: ASYNC110 - no event tells of another process's lock
                        await asyncio.sleep(_BUSY_PAUSE)
            except TimeoutError:
                raise BackendError("the database is locked by another process") from None


def _try_commit(database: Database, work: Callable[[Transaction], None]) -> bool:
    """False if another process has the write lock."""
    try:
        with database.transaction() as tx:
            tx.query("PRAGMA busy_timeout = 0")  # stays with honker's one writing connection: later tries do not block
            work(tx)
    except RuntimeError as error:
        if "locked" in str(error):
            return False
        raise BackendError(str(error)) from error
    return True


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


def _require(tx: Transaction, peer_id: str) -> None:
    if not tx.query(_EXISTS, [peer_id]):
        raise NotFound(f"peer {peer_id!r}")
