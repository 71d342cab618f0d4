"""Reading what became of backups."""

from datetime import UTC, datetime

from django.db.models import QuerySet

from apps.backups.models import Backup, State, Way
from apps.backups.schedule import Last

OVERDUE = 2.0
"""Intervals without a scheduled backup after which that is a problem."""
_LOOKED_AT = 50


def backups() -> QuerySet[Backup]:
    """All of them, newest first."""
    return Backup.objects.all()


def under_way() -> Backup | None:
    return Backup.objects.filter(state=State.RUNNING).first()


def last_scheduled() -> Last | None:
    """What the next one's time depends on. One that is under way counts as begun."""
    rows = list(Backup.objects.filter(way=Way.SCHEDULE).order_by("-id")[:_LOOKED_AT])
    if not rows:
        return None
    failures = 0
    for row in rows:
        if row.state != State.FAILED:
            break
        failures += 1
    return Last(rows[0].pk, rows[0].started_at.timestamp(), failures)


def problem(*, every: float, now: datetime | None = None) -> str | None:
    """What is wrong with the scheduled backups, in a sentence; None where all is well or none is wanted (`every` 0)."""
    if not every:
        return None
    scheduled = Backup.objects.filter(way=Way.SCHEDULE)
    last = scheduled.exclude(state=State.RUNNING).first()
    if last is not None and last.state == State.FAILED:
        return f"The scheduled backup of {last.started_at:%Y-%m-%d %H:%M} UTC failed: {last.error}"
    good = scheduled.filter(state=State.DONE).first()
    if good is not None and ((now or datetime.now(UTC)) - good.started_at).total_seconds() > OVERDUE * every:
        return f"The last scheduled backup is of {good.started_at:%Y-%m-%d %H:%M} UTC."
    return None
