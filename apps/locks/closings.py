"""Open connections that new locks would close, told before they are placed: by the very rule of the endpoint."""

import time
from collections.abc import Sequence

from apps.activity.selectors import ConnectionRow, all_open_rows, open_rows
from apps.peers.closings import Closings, End, Judge, closings
from apps.peers.selectors import find_peer
from node.core.locks import Held, Lock, LockIndex, LockKind
from node.core.peers import PeerEntry

SHOWN = 100
"""Connections that are told one by one; of more the number."""
_NEW = "new"


def closings_of_lock(kind: LockKind, target: str, message: str) -> Closings:
    """Of one lock in these words."""
    lock = Lock(_NEW, kind, target, message)
    if kind is LockKind.PEER:
        entry = find_peer(target)
        return closings_of_peer_locks([] if entry is None else [entry], message, limit=SHOWN)
    if kind is LockKind.ALPN:
        return closings(all_open_rows(alpn=target), _judge(_held([lock]), ()), limit=SHOWN)
    if kind is LockKind.EVERYTHING:
        return closings(all_open_rows(), _judge(_held([lock]), ()), limit=SHOWN)
    return Closings()


def closings_of_peer_locks(entries: Sequence[PeerEntry], message: str, *, limit: int) -> Closings:
    """Of a lock on each of these peers."""
    locks = [Lock(entry.peer_id, LockKind.PEER, entry.peer_id, message) for entry in entries]
    keys = {name for entry in entries for name in entry.fingerprints}
    rows = open_rows({entry.peer_id for entry in entries}, keys)
    return closings(rows, _judge(_held(locks), entries), limit=limit)


def _held(locks: Sequence[Lock]) -> Held:
    return LockIndex({lock.lock_id: lock for lock in locks}).held(time.time())


def _judge(held: Held, entries: Sequence[PeerEntry]) -> Judge:
    """A stranger counts as the peer that its key has got since. A disabled peer has no key."""
    holders = {name: entry.peer_id for entry in entries if entry.enabled for name in entry.fingerprints}

    def judge(row: ConnectionRow) -> End | None:
        names = [name for name in (row.peer_id, holders.get(row.fingerprint or "")) if name is not None]
        lock = held.on_connection((row.alpn or "").encode(), names)
        return None if lock is None else End(row.peer_id or holders.get(row.fingerprint or "", ""), lock.words)

    return judge
