"""How many peers are connected after each event of a batch. A peer with several connections is one, a stranger none.

The rules of who ends when are those of apps.activity.presence; here every step is told, not only what it comes to.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.db.models import Count

from apps.activity.models import Connection, Event
from apps.activity.presence import NOTICES, Key
from apps.activity.tallies import Level
from node.core.journal import EventKind

_COME_AND_GO = frozenset({EventKind.CONNECTED, EventKind.SIGNED_IN, EventKind.CLOSED})
_MOVING = _COME_AND_GO | {EventKind.STOPPED} | NOTICES


class Crowd:
    """`peers` are connected; `connections` has the peer of each connection that the batch may end."""

    def __init__(self, peers: int, connections: dict[Key, str | None], of_peer: Counter[str]) -> None:
        self.peers = peers
        self._connections = connections
        self._of_peer = of_peer

    def take(self, event: Event) -> None:
        if event.kind == EventKind.STOPPED:
            self.end_all()
        elif event.kind in _COME_AND_GO and event.connection is not None:
            key = (event.boot, event.connection)
            self._close(key)
            if event.kind != EventKind.CLOSED:
                self._open(key, event.peer_id)

    def end_all(self) -> None:
        self.peers = 0
        self._connections.clear()
        self._of_peer.clear()

    def _open(self, key: Key, peer_id: str | None) -> None:
        self._connections[key] = peer_id
        if peer_id is not None:
            self.peers += not self._of_peer[peer_id]
            self._of_peer[peer_id] += 1

    def _close(self, key: Key) -> None:
        peer_id = self._connections.pop(key, None)
        if peer_id is not None:
            self._of_peer[peer_id] -= 1
            self.peers -= not self._of_peer[peer_id]


def levels_of(events: Sequence[Event], boot: str, at: datetime | None) -> list[Level]:
    """Each change of the number, after a last event of this life and time. Asks for what was open before the batch."""
    if all(event.boot == boot and event.kind not in _MOVING for event in events):
        return []
    crowd, found = _crowd_before(events), []
    for event in events:
        before = crowd.peers
        if event.boot != boot or event.kind in NOTICES:
            crowd.end_all()
            if before:
                found.append((at or event.at, 0))
        boot, at, before = event.boot, event.at, crowd.peers
        crowd.take(event)
        if crowd.peers != before:
            found.append((event.at, crowd.peers))
    return found


def _crowd_before(events: Sequence[Event]) -> Crowd:
    connections = _connections_before(events)
    names = {event.peer_id for event in events if event.kind in _COME_AND_GO} | set(connections.values())
    known = Connection.objects.exclude(peer_id=None)
    of_peer = known.filter(peer_id__in=names - {None}).order_by().values_list("peer_id").annotate(Count("id"))
    return Crowd(known.order_by().values("peer_id").distinct().count(), connections, Counter(dict(of_peer)))


def _connections_before(events: Sequence[Event]) -> dict[Key, str | None]:
    by_boot: dict[str, set[int]] = {}
    for event in events:
        if event.kind in _COME_AND_GO and event.connection is not None:
            by_boot.setdefault(event.boot, set()).add(event.connection)
    rows: dict[Key, str | None] = {}
    for boot, numbers in by_boot.items():
        found = Connection.objects.filter(boot=boot, connection__in=numbers).values_list("connection", "peer_id")
        rows |= {(boot, number): peer_id for number, peer_id in found}
    return rows
