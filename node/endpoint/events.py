"""What the endpoint tells the journal: each event with everything that a live connection knows of itself."""

import time
from dataclasses import replace

from node.core.address import format_host_port
from node.core.connection import Connection
from node.core.errors import ConnectionClosed
from node.core.identity import Address, AuthContext
from node.core.index import IndexSwap
from node.core.journal import Event, EventKind, Json
from node.core.locks import Lock, LockKind
from node.endpoint.enforcement import Enforcement
from node.endpoint.live import LiveConnection
from node.endpoint.locking import LockEnforcement

SHOWN_PEERS = 10
"""Peers of one change that are named."""
SHOWN_LOCKS = 5
"""The same of locks."""
_ORDERLY = "closed"
"""The reason of an end that has none in words."""


def connected(live: LiveConnection, *, dialled: bool = False) -> Event:
    return _of(live, EventKind.CONNECTED, detail={"dialled": True} if dialled else {})


def signed_in(live: LiveConnection) -> Event:
    return _of(live, EventKind.SIGNED_IN, detail={"since": live.since})


def closed(live: LiveConnection) -> Event:
    """Call it once the connection has ended. Its seconds do not follow a wall clock that jumps."""
    ending = _ending(live)
    received, sent = live.connection.transferred or (None, None)
    detail: dict[str, Json] = {
        "seconds": round(time.monotonic() - live.begun, 3),
        "bytes_received": received,
        "bytes_sent": sent,
        "code": ending.code,
    }
    return _of(live, EventKind.CLOSED, ending.reason or _ORDERLY, detail)


def refused(alpn: bytes, fingerprint: str | None, address: Address | None, rule: str, message: str) -> Event:
    """A connection that no handler was given. `message` is what its peer was told."""
    return Event(
        EventKind.REFUSED,
        fingerprint=fingerprint,
        alpn=alpn.decode(errors="replace"),
        address=_address(address),
        reason=message,
        detail={"rule": rule, "message": message},
    )


def held_back(auth: AuthContext, lock: Lock) -> Event:
    """A connection that a lock kept from its handler."""
    event = refused(auth.alpn, auth.tls_client_fingerprint, auth.remote_addr, "lock", lock.words)
    return replace(event, peer_id=lock.target if lock.kind is LockKind.PEER else None)


def enforced(swap: IndexSwap, done: Enforcement) -> Event:
    """A change of rights that took effect: which peers it is about, and what became of their connections."""
    changed = sorted(swap.changed or {peer_id for peer_id, _ in done.by_peer})
    reasons = sorted({standing.value for _, standing in done.by_peer})
    return Event(
        EventKind.ENFORCED,
        peer_id=changed[0] if len(changed) == 1 else None,
        reason="; ".join(reasons),
        detail={
            "generation": done.generation,
            "closed": done.closed,
            "milliseconds": done.milliseconds,
            "change": _named(changed),
        },
    )


def locks_enforced(done: LockEnforcement) -> Event:
    """A change of the locks that took effect, by time or by a write, and what became of the connections."""
    changed = [f"locked {lock.what}" for lock in done.placed] + [f"unlocked {lock.what}" for lock in done.lifted]
    peers = {lock.target for lock in (*done.placed, *done.lifted) if lock.kind is LockKind.PEER}
    more = len(changed) - SHOWN_LOCKS
    return Event(
        EventKind.ENFORCED,
        peer_id=peers.pop() if len(peers) == len(changed) == 1 else None,
        reason="; ".join(sorted({lock.words for lock in done.by_lock})[:SHOWN_LOCKS]),
        detail={
            "generation": done.generation,
            "closed": done.closed,
            "milliseconds": done.milliseconds,
            "change": "; ".join(changed[:SHOWN_LOCKS]) + (f" and {more} more" if more > 0 else ""),
        },
    )


def _named(peer_ids: list[str]) -> str:
    """The peers of a change in words, however many there are."""
    named = ", ".join(peer_id[:64] for peer_id in peer_ids[:SHOWN_PEERS])
    more = len(peer_ids) - SHOWN_PEERS
    return f"peers: {named} and {more} more" if more > 0 else f"peer{'s' * (len(peer_ids) > 1)}: {named}"


def _of(live: LiveConnection, kind: EventKind, reason: str = "", detail: dict[str, Json] | None = None) -> Event:
    auth, (peer_id, fingerprint) = live.auth, live.shown
    return Event(
        kind,
        live.id,
        peer_id,
        fingerprint,
        auth.alpn.decode(errors="replace"),
        _address(live.connection.remote_addr or auth.remote_addr),
        reason,
        detail or {},
    )


def _ending(live: LiveConnection) -> ConnectionClosed:
    """How it ended: as we ended it, else as whoever ended it said."""
    return _told(live.connection) or ConnectionClosed(*live.ending)


def _told(connection: Connection) -> ConnectionClosed | None:
    """What `wait_closed` gives where it has nothing to wait for."""
    waiting = connection.wait_closed()
    try:
        waiting.send(None)
    except StopIteration as done:
        ended: ConnectionClosed = done.value
        return ended
    except Exception:  # noqa: BLE001 - a transport that fails at it has told us nothing
        return None
    waiting.close()
    return None


def _address(address: Address | None) -> str | None:
    return None if address is None else format_host_port(address)
