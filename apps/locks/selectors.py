"""Reading locks: what holds, until when, who placed it, and why."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from apps.locks.errors import Absent
from apps.locks.models import Lock
from node.core.locks import LockKind

SHORTEST_PREFIX = 4
"""Characters of an id that may stand for all of it."""


@dataclass(frozen=True, slots=True)
class LockFacts:
    """What people and programs see of a lock. `expires_at` is in unix seconds."""

    lock_id: str
    kind: LockKind
    target: str
    reason: str
    message: str
    created_at: datetime
    created_by: str
    expires_at: float | None
    holds: bool
    """At the moment at which it was read."""

    @property
    def what(self) -> str:
        return f"{self.kind} {self.target}".strip()


def list_locks() -> list[LockFacts]:
    """All of them, also those that have come to their end; the newest first."""
    return [facts(row) for row in Lock.objects.all()]


def holding(now: float | None = None) -> QuerySet[Lock]:
    """The rows that hold at this moment."""
    moment = time.time() if now is None else now
    return Lock.objects.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=moment))


def ended() -> QuerySet[Lock]:
    """The rows that have come to their end."""
    return Lock.objects.filter(expires_at__lte=time.time())


def locks_on(kind: str, target: str) -> list[LockFacts]:
    """What holds one target at this moment, a lock of everything included."""
    everything = Q(target_kind=LockKind.EVERYTHING)
    return [facts(row) for row in holding().filter(everything | Q(target_kind=kind, target=target))]


def locked_targets(kind: str, targets: Iterable[str]) -> set[str]:
    """Those of these targets that a lock of their own holds at this moment."""
    return set(holding().filter(target_kind=kind, target__in=list(targets)).values_list("target", flat=True))


def everything_lock() -> LockFacts | None:
    """The lock of everything, where one holds; of several the one that holds longest."""
    found = [facts(row) for row in holding().filter(target_kind=LockKind.EVERYTHING)]
    return max(found, key=lambda lock: (lock.expires_at is None, lock.expires_at or 0.0), default=None)


def find_lock(lock_id: str) -> LockFacts:
    """By the whole id, or by a beginning that only one has. Raises Absent."""
    rows = Lock.objects.filter(pk=lock_id)
    if len(lock_id) >= SHORTEST_PREFIX and not rows.exists():
        rows = Lock.objects.filter(pk__startswith=lock_id)
    found = list(rows[:2])
    if len(found) != 1:
        raise Absent(lock_id, several=bool(found))
    return facts(found[0])


def facts(row: Lock) -> LockFacts:
    return LockFacts(
        row.pk,
        LockKind(row.target_kind),
        row.target,
        row.reason,
        row.message,
        row.created_at,
        row.created_by,
        row.expires_at,
        row.holds(),
    )
