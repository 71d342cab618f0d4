"""What is held back for a while (docs/adr/0036). The node reads this table, and keeps the time of each row itself.

Nothing writes it but apps.locks.services.
"""

import time
import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from node.core.locks import LockKind

_EVERYTHING = Q(target_kind=LockKind.EVERYTHING.value)


def new_id() -> str:
    return str(uuid.uuid4())


class Lock(models.Model):
    """One lock. `reason` is for administrators, `message` is what the refused side is shown."""

    id = models.TextField(primary_key=True, default=new_id, editable=False)
    target_kind = models.TextField("what", choices=[(kind.value, kind.value) for kind in LockKind])
    target = models.TextField("which", blank=True, db_default="")
    reason = models.TextField(blank=True, db_default="")
    message = models.TextField(blank=True, db_default="")
    created_at = models.DateTimeField("locked", db_default=Now())
    created_by = models.TextField("by", db_default="")
    expires_at = models.FloatField("until", null=True, blank=True)
    """Unix seconds; None for a lock that holds until somebody lifts it."""

    class Meta:
        db_table = "locks"
        ordering = ["-created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(target_kind__in=[kind.value for kind in LockKind]), name="locks_target_kind_known"
            ),
            models.CheckConstraint(
                condition=(_EVERYTHING & Q(target="")) | (~_EVERYTHING & ~Q(target="")),
                name="locks_target_named",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.target_kind} {self.target}".strip()

    def holds(self, now: float | None = None) -> bool:
        """Whether it does at this moment, in unix seconds, by the rule of the node."""
        return self.expires_at is None or (time.time() if now is None else now) < self.expires_at
