"""Reading the audit log."""

from django.db.models import QuerySet

from apps.audit.models import AuditEntry


def recent_entries(limit: int) -> list[AuditEntry]:
    """The latest changes, newest first."""
    return list(AuditEntry.objects.all()[:limit])


def entries_of(object_type: str, object_id: str) -> QuerySet[AuditEntry]:
    """Every change of one object, newest first."""
    return AuditEntry.objects.filter(object_type=object_type, object_id=object_id)
