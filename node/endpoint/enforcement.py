"""Revocation that bites: after each change of the index, connections that lost their right are closed (decision 11)."""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from node.core.connection import CLOSE_REVOKED
from node.core.impact import lost
from node.core.index import IndexSwap, Standing
from node.endpoint.live import LiveConnection, LiveConnections

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Enforcement:
    """What one swap did. `milliseconds` run from the writer's commit to the last close frame sent, if that is known.

    `by_peer` counts the connections that were closed, by peer and by the reason that they were given.
    """

    generation: int
    closed: int
    milliseconds: float | None
    by_peer: Mapping[tuple[str, Standing], int] = field(default_factory=dict)


def enforce(swap: IndexSwap, connections: LiveConnections) -> Enforcement:
    """Close every connection whose peer is gone, disabled, or no longer holds the key that it came with.

    A connection that came as a stranger counts as the peer that its key had until now. A peer that only gained or lost
    scopes keeps its connections: handlers resolve it anew for each request. But where a grant is over, those go that
    it has let through to what its peer may no longer do.
    """
    closed: Counter[tuple[str, Standing]] = Counter()
    for live in touched(swap, connections):
        if (found := lost(swap.old, swap.new, live.peer_id, live.auth.fingerprints)) is not None:
            _end(live, found[1])
            closed[found] += 1
    for live, peer_id in _ungranted(swap, connections):
        _end(live, Standing.UNGRANTED)
        closed[peer_id, Standing.UNGRANTED] += 1
    done = Enforcement(swap.new.generation, closed.total(), since(swap.committed_at), closed)
    for (peer_id, standing), count in closed.items():
        _log(done, peer_id, standing, count)
    return done


def touched(swap: IndexSwap, connections: LiveConnections) -> Iterable[LiveConnection]:
    """The connections that the swap may concern, by the names and keys that the changed peers had or have."""
    if swap.changed is None:
        return connections
    entries = (index.peers.get(peer_id) for peer_id in swap.changed for index in (swap.old, swap.new))
    keys = {fingerprint for entry in entries if entry is not None for fingerprint in entry.fingerprints}
    return connections.touched_by(swap.changed, keys)


def _ungranted(swap: IndexSwap, connections: LiveConnections) -> Iterator[tuple[LiveConnection, str]]:
    """The connections that a grant has carried that is over, and whose it was. A token brings it to any connection.

    Who would need a scope for it that is locked may not go on without the grant.
    """
    changed = swap.old.grants.differing(swap.new.grants)
    now = {name: swap.held.resolved(swap.new.identity_of(name)) for name in changed}
    for live in connections if changed else ():
        if live.carried and not live.ending[1] and (peer_id := live.carried.ended(now)) is not None:
            yield live, peer_id


def _end(live: LiveConnection, standing: Standing) -> None:
    """Close one connection; a transport that fails at it must not save the others."""
    try:
        live.end(CLOSE_REVOKED, standing.value)
    except Exception:
        logger.exception("close failed", extra={"connection": live.id, "peer_id": live.peer_id})


def since(committed_at: float | None) -> float | None:
    """Milliseconds since the commit, by the wall clock that writer and node share; never below zero."""
    return None if committed_at is None else round(max(0.0, time.time() - committed_at) * 1000, 3)


def _log(done: Enforcement, peer_id: str, standing: Standing, count: int) -> None:
    facts = {
        "peer_id": peer_id,
        "reason": standing.value,
        "connections": count,
        "commit_to_close_ms": done.milliseconds,
        "notification": done.generation,
    }
    logger.info("enforced", extra=facts)
