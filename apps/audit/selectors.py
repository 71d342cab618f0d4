"""Reading the audit log."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Q, QuerySet

from apps.audit.models import AuditEntry

MAX_NAMES = 100
"""How many names of one object a history follows; the database bounds the depth of a query."""


MAX_VALUES = 1000
"""Different values of a column that a filter offers."""
_INDEXED = ("action", "actor_kind")


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


def find_entry(number: int) -> AuditEntry | None:
    """One row, by its number."""
    return AuditEntry.objects.filter(pk=number).first()


def occurring_values(column: str) -> list[str]:
    """The different values of an indexed column, in their order, without going through all rows."""
    if column not in _INDEXED:
        raise ValueError(column)
    table = AuditEntry._meta.db_table
    following = f"SELECT min({column}) FROM {table} WHERE {column} > value"  # noqa: S608 - constants
    query = (
        f"WITH RECURSIVE found(value) AS (SELECT min({column}) FROM {table} "  # noqa: S608 - constants
        f"UNION ALL SELECT ({following}) FROM found WHERE value IS NOT NULL) "
        f"SELECT value FROM found WHERE value IS NOT NULL LIMIT {MAX_VALUES}"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [value for (value,) in cursor.fetchall()]


def search(rows: QuerySet[AuditEntry], text: str) -> QuerySet[AuditEntry]:
    """Those whose object or actor has a name that begins so, letter by letter, and those of the request of this id.

    By ranges of indexes: a pattern would have every row read.
    """
    end = text + chr(0x10FFFF)
    by_object, by_actor = Q(object_id__gte=text, object_id__lt=end), Q(actor_name__gte=text, actor_name__lt=end)
    return rows.filter(by_object | by_actor | Q(request_id=text))


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
