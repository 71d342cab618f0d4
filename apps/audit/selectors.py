"""Reading the audit log."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from apps.audit.models import AuditEntry

MAX_NAMES = 100
"""How many names of one object a history follows; the database bounds the depth of a query."""


@dataclass(frozen=True, slots=True)
class EntryFilters:
    """Which rows are meant; what is None does not count."""

    actor: str | None = None
    action: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    request_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Before this moment."""


_LOOKUPS = {
    "actor": "actor_name",
    "action": "action",
    "object_type": "object_type",
    "object_id": "object_id",
    "request_id": "request_id",
    "since": "at__gte",
    "until": "at__lt",
}


def entries(filters: EntryFilters, *, before: int | None, limit: int) -> list[AuditEntry]:
    """A page of the rows that are meant, newest first; those with a lower number than `before`."""
    wanted = {lookup: getattr(filters, name) for name, lookup in _LOOKUPS.items()}
    rows = AuditEntry.objects.filter(**{lookup: value for lookup, value in wanted.items() if value is not None})
    return list((rows if before is None else rows.filter(pk__lt=before)).order_by("-pk")[:limit])


def recent_entries(limit: int) -> list[AuditEntry]:
    """The latest changes, newest first."""
    return list(AuditEntry.objects.all()[:limit])


def history_of(object_type: str, object_id: str, *, name_field: str) -> QuerySet[AuditEntry]:
    """Every change of the object that has this name now, newest first, also of its time under other names.

    It goes back through `*.renamed`, whose `before[name_field]` is the older name, and ends at `*.added`: who bore a
    name earlier is another object.
    """
    rows = AuditEntry.objects.filter(object_type=object_type)
    earlier, spans = rows, Q(pk__in=[])
    name: str | None = object_id
    for _ in range(MAX_NAMES):
        if name is None:
            break
        mine = earlier.filter(object_id=name)
        start = _start_of(mine, name, name_field)
        if start is None:
            return rows.filter(spans | Q(pk__in=mine))
        spans |= Q(pk__in=mine.filter(pk__gte=start.pk))
        name, earlier = (start.before or {}).get(name_field), rows.filter(pk__lt=start.pk)
    return rows.filter(spans)


def _start_of(rows: QuerySet[AuditEntry], name: str, name_field: str) -> AuditEntry | None:
    """Where the latest object of this name came to it: was added, or renamed to it."""
    starts = rows.filter(Q(action__endswith=".added") | Q(action__endswith=".renamed"))
    return next((row for row in starts if (row.before or {}).get(name_field) != name), None)
