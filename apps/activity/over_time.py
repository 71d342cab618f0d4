"""What happened over time, in steps: how many events of which kind, and how many peers were connected."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import connection

from apps.activity import tallies
from apps.activity.selectors import node_sign
from apps.activity.writing import stored

MAX_STEPS = 1_000


def counts_over_time(
    kinds: Iterable[str], since: datetime, step: timedelta, until: datetime | None = None
) -> dict[str, list[int]]:
    """How many events of each kind in each step from `since` on, to `until` or now; at most MAX_STEPS of them.

    Steps of whole hours that begin at one are told by the hours' counts, and of the last two days whole minutes by
    those of minutes, however many events there are. Every other series looks at each event.
    """
    end = until or datetime.now(UTC)
    length = step.total_seconds()
    if length <= 0:
        raise ValueError("a step is longer than nothing")
    steps = min(MAX_STEPS, max(0, math.ceil((end - since).total_seconds() / length)))
    counts = {kind: [0] * steps for kind in kinds}
    span = tallies.span_of(since, step)
    found = _counted(since, length, steps) if span is None else tallies.counts(span, since, step, steps)
    for kind, place, count in found:
        if kind in counts and 0 <= place < steps:
            counts[kind][place] = count
    return counts


def peers_over_time(since: datetime, step: timedelta, steps: int) -> list[int]:
    """The most peers that were connected at once in each step; both begin and step are of whole minutes or hours.

    Raises ValueError for other ones, and for minutes that are forgotten. A node that was killed told no ends: after its
    last event nobody was connected, until another is told.
    """
    span = tallies.span_of(since, step)
    if span is None:
        raise ValueError("there is a level for whole hours, and of the last days for whole minutes")
    found = tallies.levels(span, since, step, min(steps, MAX_STEPS))
    sign = node_sign()
    if not sign.runs and sign.last_event is not None:
        over = math.floor((sign.last_event - since) / step) + 1
        found[max(0, over) :] = [0] * len(found[max(0, over) :])
    return found


def _counted(since: datetime, length: float, steps: int) -> list[tuple[str, int, int]]:
    """Kind, step and count, out of the index of times alone; a step begins on a whole second."""
    begin, end = since, since + timedelta(seconds=steps * length)
    sql = """
        SELECT kind, CAST((strftime('%%s', at) - %s) / %s AS INTEGER) AS place, count(*)
        FROM activity_event WHERE at >= %s AND at < %s GROUP BY kind, place"""
    with connection.cursor() as cursor:
        cursor.execute(sql, [math.floor(begin.timestamp()), length, stored(begin), stored(end)])
        return list(cursor.fetchall())
