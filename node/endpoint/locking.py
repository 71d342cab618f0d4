"""Locks that bite: after each change of what is locked, connections that are held back are closed (docs/adr/0036)."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from node.core.connection import CLOSE_LOCKED
from node.core.lock_provider import LockSwap
from node.core.locks import Held, Lock
from node.core.repository import IdentityProvider
from node.endpoint.enforcement import since
from node.endpoint.live import LiveConnection, LiveConnections

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LockEnforcement:
    """What one change of the locks did. `milliseconds` run from the commit to the last close frame, if that is known.

    `by_lock` counts the connections that each lock closed. `placed` are the locks that hold from now on; `lifted` are
    those that do no longer, where no other one holds the same.
    """

    generation: int
    closed: int
    milliseconds: float | None
    by_lock: Mapping[Lock, int] = field(default_factory=dict)
    placed: tuple[Lock, ...] = ()
    lifted: tuple[Lock, ...] = ()


def enforce_locks(swap: LockSwap, provider: IdentityProvider, connections: LiveConnections) -> LockEnforcement:
    """Close every connection that is held back now, and log what the change did."""
    closed = close_locked(_touched(swap, connections), provider)
    old, new = set(_locks(swap.old)), set(_locks(swap.new))
    still = {lock.what for lock in new}
    lifted = (lock for lock in old - new if lock.what not in still)
    done = LockEnforcement(
        swap.generation,
        closed.total(),
        since(swap.committed_at),
        closed,
        tuple(sorted(new - old, key=_name)),
        tuple(sorted(lifted, key=_name)),
    )
    for lock in done.placed:
        _log("locked", done, lock, closed[lock])
    for lock in done.lifted:
        _log("unlocked", done, lock, 0)
    return done


def close_locked(chosen: Iterable[LiveConnection], provider: IdentityProvider) -> Counter[Lock]:
    """Close those of these connections that a lock holds back; how many each lock did."""
    closed: Counter[Lock] = Counter()
    for live in chosen:
        lock = provider.lock_on(live.auth)
        if lock is not None:
            _end(live, lock)
            closed[lock] += 1
    return closed


def _touched(swap: LockSwap, connections: LiveConnections) -> Iterable[LiveConnection]:
    """The connections that the change may concern. Strangers too: the key of one may have got a peer since."""
    if swap.new.everything is not None or swap.new.alpns.keys() - swap.old.alpns.keys():
        return connections
    names = swap.new.peers.keys() - swap.old.peers.keys()
    if not names:
        return ()
    strangers = [live for live in connections if live.peer_id is None]
    return [live for name in names for live in connections.of_peer(name)] + strangers


def _end(live: LiveConnection, lock: Lock) -> None:
    """Close one connection; a transport that fails at it must not save the others."""
    try:
        live.end(CLOSE_LOCKED, lock.words)
    except Exception:
        logger.exception("close failed", extra={"connection": live.id, "peer_id": live.peer_id})


def _locks(held: Held) -> Iterator[Lock]:
    if held.everything is not None:
        yield held.everything
    for locks in (held.peers, held.scopes, held.alpns, held.credentials):
        yield from locks.values()


def _name(lock: Lock) -> tuple[str, str]:
    return lock.what, lock.lock_id


def _log(event: str, done: LockEnforcement, lock: Lock, connections: int) -> None:
    facts = {
        "lock": lock.lock_id,
        "what": lock.what,
        "reason": lock.words,
        "connections": connections,
        "commit_to_close_ms": done.milliseconds,
        "notification": done.generation,
    }
    logger.info(event, extra=facts)
