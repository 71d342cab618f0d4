"""Rows of the audit log as JSON, for programs."""

from typing import Any

from apps.audit.models import AuditEntry

_NAMES = ("actor_kind", "actor_name", "action", "object_type", "object_id", "before", "after", "request_id", "hash")


def entry_json(entry: AuditEntry) -> dict[str, Any]:
    """One row; `at` is ISO 8601."""
    return {"number": entry.pk, "at": entry.at.isoformat(), **{name: getattr(entry, name) for name in _NAMES}}
