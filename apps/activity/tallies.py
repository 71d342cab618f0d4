"""Counts by the minute and by the hour, kept in the transaction of the events that they count.

A count over a month of a million events would look at each of them; this way it looks at some hundred rows, and comes
to the same. The number of peers connected is here too, for no event tells it. Hours are kept as long as events are by
age, also where the events themselves had to go because they were too many; minutes are kept for MINUTES_KEPT.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from apps.activity.models import Event, PeerTally, Tally

MINUTE, HOUR = 60, 3600
"""The two spans, in seconds. Each begins at a whole one of Unix time, which is a whole one of UTC."""
MINUTES_KEPT = timedelta(days=2)

_COUNT = """
    INSERT INTO activity_tally (span, start, kind, count) VALUES (%s, %s, %s, %s)
    ON CONFLICT (span, start, kind) DO UPDATE SET count = activity_tally.count + excluded.count"""
_LEVEL = """
    INSERT INTO activity_peertally (span, start, most, last) VALUES (%s, %s, %s, %s)
    ON CONFLICT (span, start) DO UPDATE SET most = max(activity_peertally.most, excluded.most), last = excluded.last"""

Level = tuple[datetime, int]
"""So many peers were connected from then on."""


def count(events: Iterable[Event]) -> None:
    """Add these to the counts, in the transaction of the caller."""
    counts = Counter((span, _start(event.at, span), event.kind) for event in events for span in (MINUTE, HOUR))
    with connection.cursor() as cursor:
        cursor.executemany(_COUNT, [(*place, number) for place, number in counts.items()])


def note_levels(levels: Sequence[Level]) -> None:
    """Keep how many peers were connected, in the order of the events that say so."""
    rows: dict[tuple[int, int], tuple[int, int]] = {}
    for at, peers in levels:
        for span in (MINUTE, HOUR):
            place = (span, _start(at, span))
            rows[place] = (max(peers, rows[place][0] if place in rows else 0), peers)
    with connection.cursor() as cursor:
        cursor.executemany(_LEVEL, [(*place, *values) for place, values in rows.items()])


def forget(since: datetime) -> None:
    """Forget the hours that were over before `since`, and old minutes. What was the level at that time stays known."""
    for span, first in ((HOUR, since), (MINUTE, max(since, timezone.now() - MINUTES_KEPT))):
        start = int(first.timestamp()) - span
        Tally.objects.filter(span=span, start__lt=start).delete()
        known = PeerTally.objects.filter(span=span, start__lte=start).order_by("-start").first()
        if known is not None:
            PeerTally.objects.filter(span=span, start__lt=known.start).delete()


def span_of(since: datetime, step: timedelta) -> int | None:
    """By which span a series can be told exactly, or None: each of its steps must be made of whole ones."""
    begin, length = since.timestamp(), step.total_seconds()
    if not (begin % HOUR or length % HOUR):
        return HOUR
    if not (begin % MINUTE or length % MINUTE) and since >= timezone.now() - MINUTES_KEPT:
        return MINUTE
    return None


def counts(span: int, since: datetime, step: timedelta, steps: int) -> list[tuple[str, int, int]]:
    """Kind, step and count."""
    begin, length = int(since.timestamp()), int(step.total_seconds())
    rows = Tally.objects.filter(span=span, start__gte=begin, start__lt=begin + steps * length)
    found: Counter[tuple[str, int]] = Counter()
    for kind, start, number in rows.values_list("kind", "start").annotate(number=Sum("count")):
        found[kind, (start - begin) // length] += number
    return [(kind, place, number) for (kind, place), number in found.items()]


def levels(span: int, since: datetime, step: timedelta, steps: int) -> list[int]:
    """The most peers that were connected at once in each step. A level holds until the next one that is known."""
    begin, length = int(since.timestamp()), int(step.total_seconds())
    rows = PeerTally.objects.filter(span=span)
    before = rows.filter(start__lt=begin).order_by("-start").first()
    level = before.last if before else 0
    most: list[int] = []
    later = iter([*rows.filter(start__gte=begin, start__lt=begin + steps * length).order_by("start"), None])
    row = next(later)
    for place in range(steps):
        most.append(level)
        while row is not None and row.start < begin + (place + 1) * length:
            most[place], level = max(most[place], row.most), row.last
            row = next(later)
    return most


def _start(at: datetime, span: int) -> int:
    seconds = int(at.astimezone(UTC).timestamp() // 1)
    return seconds - seconds % span
