"""Taking events out of the journal, each exactly once, and forgetting the oldest.

The position is part of the transaction of what it speaks of, and is read in it again. So neither a process that is
killed at any point, nor a second one that imports as well, loses an event or doubles one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.dispatch import Signal

from apps.activity import tallies
from apps.activity.crowd import levels_of
from apps.activity.models import Connection, Event, Position, Presence
from apps.activity.presence import GAP, REPLACED, Changes, changes_of
from apps.activity.records import Record, event_of
from apps.activity.selectors import newest_id
from apps.activity.writing import encoded, insert_connections, insert_events, upsert_presence
from apps.peers.services.batches import batches
from node.core.peers import PeerEntry

events_imported = Signal()
"""Sent with `events`, in the transaction that takes them out of the journal. Whoever listens must be quick."""
PRUNE_ROWS = 1_000
"""Most events that are forgotten in one transaction."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How much is kept: neither more events than `keep_events`, nor any from before `since`."""

    keep_events: int
    since: datetime


def position_of(journal: str) -> int:
    """The number of the last event of this journal that is kept here, or was; 0 before the first."""
    row = Position.objects.filter(pk=journal).first()
    return row.number if row else 0


def import_batch(journal: str, records: Sequence[Record], *, oldest: int | None) -> list[Event]:
    """Take what follows on the position of this journal; what is known already is passed over. Give what was taken.

    `oldest` is the first number that the journal still had after `records` were read: a gap shows by it.
    """
    prepared = [event_of(journal, record) for record in records]
    rows = {event.number: encoded(event) for event in prepared}
    with transaction.atomic():
        position = Position.objects.filter(pk=journal).first()
        fresh = [event for event in prepared if position is None or event.number > position.number]
        if not fresh:
            return []
        before = Position.objects.filter(latest=True).first()
        events = [*_notices(fresh[0], position, before, oldest), *fresh]
        insert_events(events, (rows.get(event.number) or encoded(event) for event in events))
        boot, at = (before.boot, before.at) if before else ("", None)
        tallies.count(events)
        tallies.note_levels(levels_of(events, boot, at))
        _apply(changes_of(events, boot, at))
        events_imported.send(sender=Event, events=events)
        _move(events[-1], before)
    return events


def prune(retention: Retention, limit: int = PRUNE_ROWS) -> int:
    """Forget at most `limit` of the events that are too many or too old, the oldest first. Give how many."""
    tallies.forget(retention.since)
    too_many = Event.objects.filter(id__lte=newest_id() - retention.keep_events).order_by("id").values("id")[:limit]
    too_old = Event.objects.filter(at__lt=retention.since).order_by("at").values("id")[:limit]
    return _forget(too_many) or _forget(too_old)


def rename_peer(*, old: str, new: str, **_: object) -> None:
    """A peer keeps what is known of it under its new name; called in the transaction of the change."""
    row = Presence.objects.filter(pk=old).first()
    Presence.objects.filter(pk__in=(old, new)).delete()
    if row is not None:
        row.pk = new
        row.save(force_insert=True)
    Connection.objects.filter(peer_id=old).update(peer_id=new)


def forget_namesakes(*, entries: Sequence[PeerEntry], **_: object) -> None:
    """Peers that are added have been seen by nobody yet; the events of earlier ones of their names stay."""
    for names in batches([entry.peer_id for entry in entries]):
        Presence.objects.filter(pk__in=names).delete()


def _forget(ids: "QuerySet[Event, Any]") -> int:
    return Event.objects.filter(id__in=ids).delete()[0]


def _notices(first: Event, position: Position | None, before: Position | None, oldest: int | None) -> list[Event]:
    """At most one event of our own, ahead of the first of the journal's. Its number is none that a journal gives."""
    if before is not None and before.journal != first.journal:
        return [_notice(first, REPLACED, "another journal is in its place", {"before": before.journal})]
    if position is None or oldest is None or oldest <= position.number or first.number == position.number + 1:
        return []
    detail = {"after": position.number, "before": first.number}
    return [_notice(first, GAP, "events were forgotten before they were read", detail)]


def _notice(first: Event, kind: str, reason: str, detail: dict[str, str] | dict[str, int]) -> Event:
    return Event(
        journal=first.journal,
        number=-first.number,
        at=first.at,
        boot=first.boot,
        kind=kind,
        reason=reason,
        detail=detail,
    )


def _apply(changes: Changes) -> None:
    """The order is that of `Changes`."""
    by_boot: dict[str, list[int]] = {}
    for boot, number in (*changes.closed, *changes.opened):
        by_boot.setdefault(boot, []).append(number)
    for boot, numbers in by_boot.items():
        Connection.objects.filter(boot=boot, connection__in=numbers).delete()
    if changes.ended is not None:
        _end_all(changes.ended)
    insert_connections(changes.opened.values())
    upsert_presence((peer_id, sight.at, sight.address, sight.alpn) for peer_id, sight in changes.seen.items())


def _end_all(at: datetime) -> None:
    """Whoever was connected was seen until then."""
    connected = Connection.objects.exclude(peer_id=None).values("peer_id")
    Presence.objects.filter(peer_id__in=connected, last_seen__lt=at).update(last_seen=at)
    Connection.objects.all().delete()


def _move(last: Event, before: Position | None) -> None:
    if before is not None and before.journal != last.journal:
        Position.objects.filter(latest=True).update(latest=False)
    position = {"number": last.number, "boot": last.boot, "at": last.at, "latest": True}
    Position.objects.update_or_create(journal=last.journal, defaults=position)
