"""Reading what became of backups."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from apps.backups.models import Backup, State, Way
from apps.backups.schedule import Last

OVERDUE = 2.0
"""Intervals without a scheduled backup after which that is a problem."""
_LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class Notice:
    """What whoever may see backups is told at first sight: that something is wrong, or that none is scheduled."""

    problem: str | None
    scheduled: bool
    newest: datetime | None
    """When the newest one was begun that came about."""


def backups() -> QuerySet[Backup]:
    """All of them, newest first."""
    return Backup.objects.all()


def page_of_backups(*, before: int | None, limit: int) -> list[Backup]:
    """The newest first, from the one before that number."""
    rows = backups() if before is None else backups().filter(pk__lt=before)
    return list(rows[:limit])


def find_backup(number: int) -> Backup | None:
    return Backup.objects.filter(pk=number).first()


def in_directory(backup: Backup) -> bool:
    """Whether it lies where this process puts backups. What a shell has put elsewhere is not its to give out."""
    directory: Path = settings.ALKNET.backups
    return backup.path.parent == directory


def is_here(backup: Backup) -> bool:
    """Whether there is a file that this process may read."""
    return backup.state == State.DONE and in_directory(backup) and backup.path.is_file()


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


def newest_good() -> Backup | None:
    """The newest one that came about, whoever wanted it; its file may be gone since."""
    return Backup.objects.filter(state=State.DONE).first()


def last_ended_well() -> bool | None:
    """Whether the last one that came to its end came about; None before there was any."""
    last = Backup.objects.exclude(state=State.RUNNING).first()
    return None if last is None else last.state == State.DONE


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


def notice(*, every: float) -> Notice:
    """How it is with backups; `every` is the interval of the schedule in seconds, 0 where there is none."""
    good = newest_good()
    return Notice(problem(every=every), every > 0, None if good is None else good.started_at)
