"""What must go on being so (docs/access.md). The node never reads this table; nothing writes it but the services."""

import uuid

from django.db import models
from django.db.models.functions import Now


def new_id() -> str:
    return str(uuid.uuid4())


class Assertion(models.Model):
    """One sentence: `who` must have these rights, or must not. A save that breaks it is refused."""

    id = models.TextField(primary_key=True, default=new_id, editable=False)
    who = models.TextField()
    allowed = models.BooleanField("must", default=True)
    scopes = models.JSONField(default=list)
    resource_type = models.TextField(blank=True, db_default="")
    resource = models.TextField(blank=True, db_default="")
    reason = models.TextField(blank=True, db_default="")
    created_at = models.DateTimeField("since", db_default=Now())
    created_by = models.TextField("by", db_default="")

    class Meta:
        db_table = "access_assertions"
        ordering = ["who", "id"]
        indexes = [models.Index(fields=["who"], name="access_assertions_who")]

    def __str__(self) -> str:
        """The sentence: “ci must keep git:read on repo web”."""
        verb = "must keep" if self.allowed else "must not have"
        what = f"{self.resource_type} {self.resource}".strip()
        scopes = ", ".join(self.scopes)
        return f"{self.who} {verb} {scopes}{' on ' if scopes and what else ''}{what}"
