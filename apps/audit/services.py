"""Writing the audit log. Services of other apps call `record` inside the transaction of their change."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from apps.audit.actors import Actor
from apps.audit.models import AuditEntry
from apps.audit.request_id import current_request_id

Facts = Mapping[str, Any]
"""An object's state as JSON types. Whoever makes it leaves secrets out."""


BATCH = 200
"""Rows of one INSERT."""


class NotInTransaction(RuntimeError):
    """An audit row outside the transaction of its change could outlive the change, or be lost without it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What was done to one object, and its state before and after; None where it did not exist."""

    action: str
    object_type: str
    object_id: str
    before: Facts | None = None
    after: Facts | None = None


def record(*, actor: Actor, changes: Iterable[Change]) -> None:
    """Add one row for each change to the transaction that is open. Raises NotInTransaction where none is."""
    if not transaction.get_connection().in_atomic_block:
        raise NotInTransaction
    AuditEntry.objects.bulk_create([_entry(actor, change) for change in changes], batch_size=BATCH)


def _entry(actor: Actor, change: Change) -> AuditEntry:
    return AuditEntry(
        actor_kind=actor.kind.value,
        actor_name=actor.name,
        action=str(change.action),
        object_type=change.object_type,
        object_id=change.object_id,
        before=change.before,
        after=change.after,
        request_id=current_request_id.get(),
    )
