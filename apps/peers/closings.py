"""Open connections that a change would close, told before it is made. Nothing is written, and the node is not asked.

They are known from the node's journal as the panel keeps it, a moment late, and by one name of their key: where a
certificate's other name is the peer's, each of its keys counts as shown.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import TypeAlias

from apps.activity.selectors import ConnectionRow, connections_in, open_rows
from apps.peers.terms import PeerState, ends_of
from node.core.impact import lost
from node.core.index import PeerIndex, Standing, build_index

Change: TypeAlias = tuple[PeerState, PeerState | None]
"""A peer as it is, and as it would be; None where it would be removed."""
MAX_MOMENT = 253_370_764_800.0
"""The last year that a calendar has; in unix seconds."""
MAX_MOMENTS = 20
"""So many new ends of one change are judged, the soonest first: a peer has few keys."""


@dataclass(frozen=True, slots=True)
class End:
    """Whose connection ends, with the reason that its peer would be told; `at` in unix seconds, None is at once."""

    peer_id: str
    reason: str
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Closing:
    """A connection that would close."""

    boot: str
    connection: int
    peer_id: str
    alpn: str
    address: str
    since: datetime
    reason: str
    at: float | None

    @property
    def moment(self) -> datetime | None:
        return None if self.at is None else datetime.fromtimestamp(min(self.at, MAX_MOMENT), UTC)


@dataclass(frozen=True, slots=True)
class Closings:
    """`total` connections would close, of which `shown` are told, the latest first.

    `known` is False while the node does not run: nobody can say then.
    """

    total: int = 0
    shown: tuple[Closing, ...] = ()
    reasons: tuple[str, ...] = ()
    known: bool = True

    @property
    def more(self) -> int:
        return self.total - len(self.shown)


UNKNOWN = Closings(known=False)
Judge: TypeAlias = Callable[[ConnectionRow], End | None]


def closings(rows: Iterable[ConnectionRow] | None, judge: Judge, *, limit: int) -> Closings:
    """Those of these connections that `judge` ends; `rows` is None where they are not known."""
    if rows is None:
        return UNKNOWN
    ended = [(row, end) for row in rows if (end := judge(row)) is not None]
    reasons = tuple(sorted({end.reason for _, end in ended}))
    return Closings(len(ended), tuple(_told(ended[:limit])), reasons)


def closings_of_disabling(states: Iterable[PeerState], *, limit: int) -> Closings:
    return closings_by([(one, replace(one, entry=replace(one.entry, enabled=False))) for one in states], limit=limit)


def closings_of_removing(states: Iterable[PeerState], *, limit: int) -> Closings:
    return closings_by([(one, None) for one in states], limit=limit)


def closings_by(changes: Sequence[Change], *, limit: int, now: float | None = None) -> Closings:
    """What these changes of peers close, at once or when the ends that they set have come."""
    entries = [old.entry for old, _ in changes]
    keys = {name for entry in entries for name in entry.fingerprints}
    rows = open_rows({entry.peer_id for entry in entries}, keys)
    if not rows:
        return UNKNOWN if rows is None else Closings()
    moment = time.time() if now is None else now
    return closings(rows, _judge(_concerned(changes, rows), moment), limit=limit)


def _concerned(changes: Sequence[Change], rows: Sequence[ConnectionRow]) -> list[Change]:
    """Of many peers few are connected."""
    names, keys = {row.peer_id for row in rows}, {row.fingerprint for row in rows if row.peer_id is None}
    return [one for one in changes if one[0].peer_id in names or not keys.isdisjoint(one[0].entry.fingerprints)]


def _judge(changes: Sequence[Change], now: float) -> Judge:
    """By the rule of the endpoint."""
    before = _index((old for old, _ in changes), now)
    after = _index((new for _, new in changes if new is not None), now)
    steps = [(before, after, None), *((before.at(at), after.at(at), at) for at in _new_ends(changes, now))]

    @cache  # a peer may hold thousands by one key
    def judge(peer_id: str | None, fingerprint: str | None) -> End | None:
        names = _names(before, peer_id, fingerprint)
        for old, new, at in steps:
            if lost(before, old, peer_id, names) is not None:
                return None  # it ends without the change as well
            if (found := lost(before, new, peer_id, names)) is not None:
                return End(found[0], found[1].value, at)
        return None

    return lambda row: judge(row.peer_id, row.fingerprint)


def _names(before: PeerIndex, peer_id: str | None, fingerprint: str | None) -> Sequence[str]:
    """What a connection proved, as far as that is known."""
    shown = [fingerprint] if fingerprint else []
    entry = None if peer_id is None else before.peers.get(peer_id)
    if entry is None or before.standing(entry.peer_id, shown) is not Standing.REKEYED:
        return shown
    return entry.fingerprints


def _index(states: Iterable[PeerState], now: float) -> PeerIndex:
    found = list(states)
    return build_index((state.entry for state in found), (), 0, (end for state in found for end in ends_of(state)), now)


def _new_ends(changes: Sequence[Change], now: float) -> list[float]:
    known = {end.expires_at for old, _ in changes for end in ends_of(old)}
    new = {end.expires_at for _, state in changes if state is not None for end in ends_of(state)}
    return sorted(end for end in new - known if end > now)[:MAX_MOMENTS]


def _told(ended: Sequence[tuple[ConnectionRow, End]]) -> Iterator[Closing]:
    found = connections_in(row.pk for row, _ in ended)
    for row, end in ended:
        if (one := found.get(row.pk)) is not None:
            facts = (one.boot, one.connection, end.peer_id, one.alpn or "", one.address or "", one.since)
            yield Closing(*facts, end.reason, end.at)
