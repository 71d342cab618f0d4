"""Reading locks: what holds, until when, who placed it, and why."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Q, QuerySet

from apps.locks.errors import Absent
from apps.locks.models import Lock
from node.core.locks import LockKind

_BEGINNING = datetime.min.replace(tzinfo=UTC)
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


def page_of_locks(
    *,
    kind: str | None = None,
    target: str | None = None,
    holds: bool | None = None,
    after: str | None = None,
    limit: int,
) -> list[LockFacts]:
    """A part of the same list: what comes after the lock of this place (`place_of`)."""
    rows = Lock.objects.all() if holds is None else holding() if holds else ended()
    rows = rows if kind is None else rows.filter(target_kind=kind)
    rows = rows if target is None else rows.filter(target=target)
    if after is not None:
        at, _, lock_id = after.partition(" ")
        moment = _moment(at)
        rows = rows.filter(Q(created_at__lt=moment) | Q(created_at=moment, id__gt=lock_id))
    return [facts(row) for row in rows[:limit]]


def place_of(lock: LockFacts) -> str:
    """Where a lock stands in the list of all."""
    return f"{lock.created_at.isoformat()} {lock.lock_id}"


def _moment(text: str) -> datetime:
    """A time without a zone, or none at all, is before every lock: there is nothing after it."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return _BEGINNING
    return at if at.tzinfo else _BEGINNING


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


def locks_on_peers(peer_ids: Iterable[str]) -> dict[str, list[LockFacts]]:
    """The same of each of these peers; one query, however many they are."""
    held = [facts(row) for row in holding().filter(target_kind__in=(LockKind.EVERYTHING, LockKind.PEER))]
    everything = [lock for lock in held if lock.kind is LockKind.EVERYTHING]
    own: dict[str, list[LockFacts]] = {}
    for lock in held:
        if lock.kind is LockKind.PEER:
            own.setdefault(lock.target, []).append(lock)
    return {name: everything + own.get(name, []) for name in peer_ids}


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
