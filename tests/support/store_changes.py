"""Changes of the store's rows: each is done to the model, and given as SQL."""

from collections.abc import Callable
from dataclasses import replace

from node.core.credentials import EncryptedData
from node.core.grants import Grant
from node.core.locks import Lock, LockKind
from node.core.peers import ApiKeyEntry, PeerEntry
from node.core.terms import Term
from tests.support.schema import Statement, put_credential, put_grant, put_key, put_lock, put_peer, put_term
from tests.support.store_model import Model

Change = Callable[[Model], list[Statement]]
"""One change: done to the model, and given as SQL."""


def put(peer: PeerEntry) -> Change:
    def change(model: Model) -> list[Statement]:
        model.peers[peer.peer_id] = peer
        return [put_peer(peer)]

    return change


def reinsert(peer: PeerEntry) -> Change:
    """The row gets a new rowid, so a load that is under way may read both the old row and this one."""

    def change(model: Model) -> list[Statement]:
        model.peers[peer.peer_id] = peer
        return [("DELETE FROM peers WHERE peer_id = ?", (peer.peer_id,)), put_peer(peer)]

    return change


def spoil(name: str, junk: tuple[str, object]) -> Change:
    def change(model: Model) -> list[Statement]:
        if name in model.peers:
            model.peers[name] = None
        column, value = junk
        return [(f"UPDATE peers SET {column} = ? WHERE peer_id = ?", (value, name))]

    return change


def remove(name: str) -> Change:
    def change(model: Model) -> list[Statement]:
        model.peers.pop(name, None)
        return [("DELETE FROM peers WHERE peer_id = ?", (name,))]

    return change


def rename(old: str, new: str) -> Change:
    def change(model: Model) -> list[Statement]:
        if new not in model.peers and old in model.peers:
            peer = model.peers.pop(old)
            model.peers[new] = peer and replace(peer, peer_id=new)
        return [("UPDATE OR IGNORE peers SET peer_id = ? WHERE peer_id = ?", (new, old))]

    return change


def toggle(name: str) -> Change:
    def change(model: Model) -> list[Statement]:
        peer = model.peers.get(name)
        if peer is None:
            return []
        model.peers[name] = replace(peer, enabled=not peer.enabled)
        return [("UPDATE peers SET enabled = NOT enabled WHERE peer_id = ?", (name,))]

    return change


def put_api_key(key: ApiKeyEntry) -> Change:
    def change(model: Model) -> list[Statement]:
        model.keys[key.prefix] = key
        return [put_key(key)]

    return change


def remove_api_key(prefix: str) -> Change:
    def change(model: Model) -> list[Statement]:
        model.keys.pop(prefix, None)
        return [("DELETE FROM api_keys WHERE prefix = ?", (prefix,))]

    return change


def seal(provider: str, sealed: EncryptedData) -> Change:
    def change(model: Model) -> list[Statement]:
        model.sealed[provider] = sealed
        return [put_credential(provider, sealed)]

    return change


def reseal(provider: str, sealed: EncryptedData) -> Change:
    """The row gets a new rowid."""

    def change(model: Model) -> list[Statement]:
        model.sealed[provider] = sealed
        return [("DELETE FROM credentials WHERE provider = ?", (provider,)), put_credential(provider, sealed)]

    return change


def spoil_sealed(provider: str, junk: tuple[str, object]) -> Change:
    def change(model: Model) -> list[Statement]:
        if provider in model.sealed:
            model.sealed[provider] = None
        column, value = junk
        return [(f"UPDATE credentials SET {column} = ? WHERE provider = ?", (value, provider))]

    return change


def remove_sealed(provider: str) -> Change:
    def change(model: Model) -> list[Statement]:
        model.sealed.pop(provider, None)
        return [("DELETE FROM credentials WHERE provider = ?", (provider,))]

    return change


def rename_sealed(old: str, new: str) -> Change:
    def change(model: Model) -> list[Statement]:
        if new not in model.sealed and old in model.sealed:
            model.sealed[new] = model.sealed.pop(old)
        return [("UPDATE OR IGNORE credentials SET provider = ? WHERE provider = ?", (new, old))]

    return change


def place(lock: Lock) -> Change:
    def change(model: Model) -> list[Statement]:
        model.locks[lock.lock_id] = lock
        return [put_lock(lock)]

    return change


def replace_lock(lock: Lock) -> Change:
    """The row gets a new rowid."""

    def change(model: Model) -> list[Statement]:
        model.locks[lock.lock_id] = lock
        return [("DELETE FROM locks WHERE id = ?", (lock.lock_id,)), put_lock(lock)]

    return change


def spoil_lock(lock_id: str, junk: tuple[str, object]) -> Change:
    """Where it can be told what it locks, it goes on locking that."""
    column, value = junk

    def change(model: Model) -> list[Statement]:
        lock = model.locks.get(lock_id)
        if lock is not None and column == "message":
            model.locks[lock_id] = replace(lock, message="")
        elif lock is not None and column == "expires_at":
            model.locks[lock_id] = replace(lock, expires_at=None)
        elif lock is not None and (column == "target_kind" or lock.kind is not LockKind.EVERYTHING):
            model.locks[lock_id] = None
        stored = "CAST(x'ff' AS TEXT)" if isinstance(value, bytes) else "?"
        values = (lock_id,) if isinstance(value, bytes) else (value, lock_id)
        return [(f"UPDATE locks SET {column} = {stored} WHERE id = ?", values)]

    return change


def lift(lock_id: str) -> Change:
    def change(model: Model) -> list[Statement]:
        model.locks.pop(lock_id, None)
        return [("DELETE FROM locks WHERE id = ?", (lock_id,))]

    return change


def rename_lock(old: str, new: str) -> Change:
    def change(model: Model) -> list[Statement]:
        if new not in model.locks and old in model.locks:
            lock = model.locks.pop(old)
            model.locks[new] = lock and replace(lock, lock_id=new)
        return [("UPDATE OR IGNORE locks SET id = ? WHERE id = ?", (new, old))]

    return change


def set_term(term: Term) -> Change:
    def change(model: Model) -> list[Statement]:
        model.terms[term.term_id] = term
        return [put_term(term)]

    return change


def replace_term(term: Term) -> Change:
    """The row gets a new rowid."""

    def change(model: Model) -> list[Statement]:
        model.terms[term.term_id] = term
        return [("DELETE FROM peer_terms WHERE id = ?", (term.term_id,)), put_term(term)]

    return change


def spoil_term(term_id: str, junk: tuple[str, object]) -> Change:
    """Where it can be told whom it is about, its end has come."""
    column, value = junk

    def change(model: Model) -> list[Statement]:
        term = model.terms.get(term_id)
        if term is not None:
            model.terms[term_id] = replace(term, expires_at=0.0) if column == "expires_at" else None
        stored = "CAST(x'ff' AS TEXT)" if isinstance(value, bytes) else "?"
        values = (term_id,) if isinstance(value, bytes) else (value, term_id)
        return [(f"UPDATE peer_terms SET {column} = {stored} WHERE id = ?", values)]

    return change


def drop_term(term_id: str) -> Change:
    def change(model: Model) -> list[Statement]:
        model.terms.pop(term_id, None)
        return [("DELETE FROM peer_terms WHERE id = ?", (term_id,))]

    return change


def give(grant: Grant) -> Change:
    def change(model: Model) -> list[Statement]:
        model.grants[grant.grant_id] = grant
        return [put_grant(grant)]

    return change


def replace_grant(grant: Grant) -> Change:
    """The row gets a new rowid."""

    def change(model: Model) -> list[Statement]:
        model.grants[grant.grant_id] = grant
        return [("DELETE FROM access_grants WHERE id = ?", (grant.grant_id,)), put_grant(grant)]

    return change


def spoil_grant(grant_id: str, junk: tuple[str, object]) -> Change:
    """A damaged grant gives nothing."""
    column, value = junk

    def change(model: Model) -> list[Statement]:
        if grant_id in model.grants:
            model.grants[grant_id] = None
        stored = "CAST(x'ff' AS TEXT)" if isinstance(value, bytes) else "?"
        values = (grant_id,) if isinstance(value, bytes) else (value, grant_id)
        return [(f"UPDATE access_grants SET {column} = {stored} WHERE id = ?", values)]

    return change


def revoke(grant_id: str) -> Change:
    def change(model: Model) -> list[Statement]:
        model.grants.pop(grant_id, None)
        return [("DELETE FROM access_grants WHERE id = ?", (grant_id,))]

    return change
