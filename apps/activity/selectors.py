"""Reading what happened and who is connected."""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import NamedTuple

from django.db.models import Count, F, Func, Max, Min, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.db.models.lookups import IContains

from apps.activity.filters import EventFilters
from apps.activity.models import Connection, Event, Position, Presence
from apps.activity.node_process import node_runs
from node.core.journal import EventKind

MAX_LIMIT = 1_000
"""Most rows that a selector gives at once."""
MAX_FIGURES = 1_000
"""Of the changes in a span of time, so many of the latest make the figures."""
SET_BACK = 10_000
"""So many events may be told by a clock that is set back afterwards, and are found by their time all the same."""
MAX_KINDS = 40
"""More kinds of event than this are none of ours."""


@dataclass(frozen=True, slots=True)
class PeerPresence:
    """`connected`: how many connections are open now. The rest tells of the last time; None and () where it never was.

    `alpns` are the protocols of the open connections, sorted.
    """

    connected: int = 0
    last_seen: datetime | None = None
    last_address: str | None = None
    last_alpn: str | None = None
    alpns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeSign:
    """`runs`: whether the node's process lives now. `last_event`: the time of its last event that is kept here."""

    runs: bool
    last_event: datetime | None


@dataclass(frozen=True, slots=True)
class EnforcementFigures:
    """Milliseconds from the commits of changes until the node had enforced them; None where there was no change."""

    count: int = 0
    last: float | None = None
    p50: float | None = None
    p99: float | None = None


def events(filters: EventFilters, before: int | None = None, limit: int = 50, *, floor: int = 0) -> list[Event]:
    """The latest events, newest first; `before` is the id of the last one of the page ahead of this.

    None with an id below `floor` is looked at.
    """
    limit = max(0, min(limit, MAX_LIMIT))
    rows = _in_time(_by_columns(filters), filters)
    rows = rows.filter(id__gte=floor) if floor > 1 else rows
    if before is not None:
        rows = rows.filter(id__lt=before)
    rows = rows.order_by("-id")
    kinds = _kinds_to_ask_for(filters)
    if kinds is None:
        return list(rows[:limit])
    # One look into an index for each kind: all of them in one query would be sorted, a million of them maybe.
    found = [event for kind in kinds for event in rows.filter(kind=kind)[:limit]]
    return sorted(found, key=lambda event: -event.pk)[:limit]


def events_after(filters: EventFilters, after: int, limit: int = 200) -> list[Event]:
    """Events that came since the one with this id, oldest first: for those who ask again and again."""
    rows = Event.objects.filter(id__gt=after).order_by("id")[: max(0, min(limit, MAX_LIMIT))]
    return [event for event in rows if filters.takes(event)]


def event(event_id: int) -> Event | None:
    return Event.objects.filter(pk=event_id).first()


def newest_id() -> int:
    """The id of the latest event; 0 where there is none."""
    return Event.objects.aggregate(newest=Max("id"))["newest"] or 0


def presence(peer_ids: Iterable[str]) -> dict[str, PeerPresence]:
    """One for each of these peers. While the node does not run nobody is connected, whatever it told last."""
    names = list(dict.fromkeys(peer_ids))
    live: dict[str, dict[str | None, int]] = {}
    if node_runs():
        # Counted by the database: one peer may hold thousands.
        rows = Connection.objects.filter(peer_id__in=names).order_by().values_list("peer_id", "alpn")
        for peer_id, alpn, count in rows.annotate(count=Count("id")):
            live.setdefault(peer_id or "", {})[alpn] = count
    last = Presence.objects.in_bulk(names)
    return {name: _presence(live.get(name, {}), last.get(name)) for name in names}


def connected_peers() -> int:
    """How many peers are connected now; strangers do not count."""
    return connected_rows().values("peer_id").distinct().count()


def open_connections(*, peer_id: str | None = None, limit: int = MAX_LIMIT) -> Sequence[Connection]:
    """The open connections, the latest first; none while the node does not run."""
    if not node_runs():
        return []
    rows = Connection.objects.all()
    rows = rows if peer_id is None else rows.filter(peer_id=peer_id)
    return list(rows[: max(0, min(limit, MAX_LIMIT))])


def page_of_connections(
    *, peer_id: str = "", alpn: str = "", before: int | None = None, limit: int
) -> list[Connection]:
    """A part of the same list: those with an id below `before`."""
    if not node_runs():
        return []
    wanted = {"peer_id": peer_id or None, "alpn": alpn or None, "id__lt": before}
    rows = Connection.objects.filter(**{name: value for name, value in wanted.items() if value is not None})
    return list(rows[: max(0, min(limit, MAX_LIMIT))])


def open_connection(boot: str, number: int) -> Connection | None:
    """One connection, if it is open."""
    found = Connection.objects.filter(boot=boot, connection=min(number, 2**63 - 1)).first()
    return found if found is not None and node_runs() else None


def node_sign() -> NodeSign:
    """What is known of the node's process."""
    row = Position.objects.filter(latest=True).first()
    return NodeSign(node_runs(), row.at if row else None)


def enforcement_figures(since: datetime) -> EnforcementFigures:
    """How fast changes bit since then: the stopwatch of the last MAX_FIGURES."""
    details = Event.objects.filter(kind=EventKind.ENFORCED, id__gte=_first_since(since)).order_by("-id")
    rows = details.filter(at__gte=since).values_list("detail", flat=True)[:MAX_FIGURES]
    samples = [value for detail in rows if (value := _milliseconds(detail)) is not None]
    if not samples:
        return EnforcementFigures()
    ordered = sorted(samples)
    return EnforcementFigures(len(samples), samples[0], _percentile(ordered, 50), _percentile(ordered, 99))


def _kinds_to_ask_for(filters: EventFilters) -> list[str] | None:
    """Each kind, where an index of that and of another column gives the rows in their order; else None."""
    if filters.kinds:
        return list(dict.fromkeys(filters.kinds))
    return _kinds() if filters.peer_id or filters.alpn else None


def _kinds() -> list[str] | None:
    """Every kind that there is, by a look into the index for each; None where they are too many."""
    kinds = [""]
    while len(kinds) <= MAX_KINDS:
        following = Event.objects.filter(kind__gt=kinds[-1]).aggregate(kind=Min("kind"))["kind"]
        if following is None:
            return kinds[1:]
        kinds.append(following)
    return None


def _by_columns(filters: EventFilters) -> QuerySet[Event]:
    rows = Event.objects.all()
    for column in ("peer_id", "boot"):
        if value := getattr(filters, column):
            rows = rows.filter(**{column: value})
    if filters.alpn and filters.peer_id:
        # A protocol is most of the table and a peer little of it. With the sign its index is out of the question.
        rows = rows.alias(spoken=Func(F("alpn"), template="+%(expressions)s")).filter(spoken=filters.alpn)
    elif filters.alpn:
        rows = rows.filter(alpn=filters.alpn)
    if filters.text:
        rows = rows.filter(_says(filters.text))
    return rows if filters.connection is None else rows.filter(connection=filters.connection)


def _says(text: str) -> Q:
    """What EventFilters.text means (apps.activity.filters)."""
    columns = ("reason", "peer_id", "alpn", "address", "fingerprint")
    return reduce(or_, (Q(**{f"{column}__icontains": text}) for column in columns), _detail_says(text))


def _detail_says(text: str) -> Q:
    """In the detail as JSON; one that says nothing is `{}`, which is no text."""
    return Q(IContains(Cast("detail", TextField()), text)) & ~Q(detail={})


def _in_time(rows: QuerySet[Event], filters: EventFilters) -> QuerySet[Event]:
    """By bounds of the id, which every index knows, and then exactly: clocks may have been set back between them."""
    if filters.since is not None:
        first = Event.objects.filter(at__gte=filters.since).order_by("at").values_list("id", flat=True).first()
        rows = rows.none() if first is None else rows.filter(id__gte=first - SET_BACK, at__gte=filters.since)
    if filters.until is not None:
        last = Event.objects.filter(at__lt=filters.until).order_by("-at").values_list("id", flat=True).first()
        rows = rows.none() if last is None else rows.filter(id__lte=last + SET_BACK, at__lt=filters.until)
    return rows


def _first_since(since: datetime) -> int:
    """One look into the index of times. Of a clock that was set back, what it told before is left out."""
    return Event.objects.filter(at__gte=since).order_by("at").values_list("id", flat=True).first() or 0


def _presence(live: dict[str | None, int], last: Presence | None) -> PeerPresence:
    count, names = sum(live.values()), tuple(sorted(alpn for alpn in live if alpn))
    if last is None:
        return PeerPresence(count, alpns=names)
    return PeerPresence(count, last.last_seen, last.last_address, last.last_alpn, names)


def _milliseconds(detail: object) -> float | None:
    value = detail.get("milliseconds") if isinstance(detail, dict) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _percentile(ordered: list[float], percent: int) -> float:
    """The nearest rank."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


class ConnectionRow(NamedTuple):
    """What of an open connection decides whether it may go on. A stranger's has no `peer_id`."""

    pk: int
    peer_id: str | None
    fingerprint: str | None
    alpn: str | None


_FEW = 500
"""Names that one SQL statement takes; of more, all rows are looked at."""


def open_rows(peer_ids: Collection[str], fingerprints: Collection[str]) -> list[ConnectionRow] | None:
    """The open connections of these peers, and those of strangers that came with one of these keys, the latest first.

    None while the node does not run: nobody can say then.
    """
    rows = all_open_rows() if len(peer_ids) + len(fingerprints) > _FEW else _few_rows(peer_ids, fingerprints)
    if rows is None:
        return None
    names, keys = frozenset(peer_ids), frozenset(fingerprints)
    return [row for row in rows if row.peer_id in names or (row.peer_id is None and row.fingerprint in keys)]


def all_open_rows(*, alpn: str | None = None) -> list[ConnectionRow] | None:
    """Every open connection, or those of one protocol; None as above."""
    rows = Connection.objects.all()
    return _rows(rows if alpn is None else rows.filter(alpn=alpn))


def connections_in(pks: Iterable[int]) -> dict[int, Connection]:
    """Those of these that are open still."""
    return Connection.objects.in_bulk(list(pks))


def _few_rows(peer_ids: Collection[str], fingerprints: Collection[str]) -> list[ConnectionRow] | None:
    strangers = Q(peer_id__isnull=True, fingerprint__in=list(fingerprints))
    return _rows(Connection.objects.filter(Q(peer_id__in=list(peer_ids)) | strangers))


def _rows(rows: QuerySet[Connection]) -> list[ConnectionRow] | None:
    if not node_runs():
        return None
    return list(map(ConnectionRow._make, rows.values_list("pk", "peer_id", "fingerprint", "alpn")))


def connected_rows() -> QuerySet[Connection]:
    """The open connections of peers, for a query to look into."""
    rows = Connection.objects.exclude(peer_id=None).order_by()
    return rows if node_runs() else rows.none()
