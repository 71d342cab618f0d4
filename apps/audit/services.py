"""Writing the audit log. Services of other apps call `record` inside the transaction of their change."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps.audit.actors import Actor
from apps.audit.models import AuditEntry
from apps.audit.request_id import current_request_id

Facts = Mapping[str, Any]
"""An object's state as JSON types. Whoever makes it leaves secrets out."""


class NotInTransaction(RuntimeError):
    """An audit row outside the transaction of its change could outlive the change, or be lost without it."""


def record(
    *,
    actor: Actor,
    action: str,
    object_type: str,
    object_id: str,
    before: Facts | None = None,
    after: Facts | None = None,
) -> None:
    """Add one row to the transaction that is open. Raises NotInTransaction where none is."""
    if not transaction.get_connection().in_atomic_block:
        raise NotInTransaction
    AuditEntry.objects.create(
        actor_kind=actor.kind.value,
        actor_name=actor.name,
        action=str(action),
        object_type=object_type,
        object_id=object_id,
        before=before,
        after=after,
        request_id=current_request_id.get(),
    )
