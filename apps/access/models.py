"""What must go on being so, and what somebody may for a while (docs/access.md). Nothing writes these but the services.

The node reads the grants, and keeps the time of each itself (docs/adr/0048); assertions it never reads.
"""

import time
import uuid
from typing import Any

from django.db import models
from django.db.models.functions import Now

from apps.locks.words import end_words
from node.core import grants as core


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


class Grant(models.Model):
    """One peer gets exactly these scopes, and this one resource where there is one, up to a moment."""

    id = models.TextField(primary_key=True, default=new_id, editable=False)
    peer_id = models.TextField("peer", db_index=True)
    scopes = models.JSONField(default=list)
    resource_type = models.TextField(blank=True, db_default="")
    resource = models.TextField(blank=True, db_default="")
    expires_at = models.FloatField("until")
    """Unix seconds."""
    reason = models.TextField(blank=True, db_default="")
    created_at = models.DateTimeField("since", db_default=Now())
    created_by = models.TextField("by", db_default="")

    class Meta:
        db_table = "access_grants"
        ordering = ["-created_at", "id"]

    def __str__(self) -> str:
        """The sentence: “ci has git:write and repo/web until 2027-01-31 12:00 UTC”."""
        verb = "has" if self.holds() else "had"
        return f"{self.peer_id} {verb} {self.gives} until {end_words(self.expires_at, holds=True)}"

    @property
    def gives(self) -> str:
        """“git:write and repo/web”."""
        scopes = ", ".join(_texts(self.scopes))
        resource = f"{self.resource_type}/{self.resource}" if self.resource_type else ""
        return " and ".join(filter(None, (scopes, resource))) or "nothing"

    def holds(self, now: float | None = None) -> bool:
        """Whether it is in force at this moment, in unix seconds, by the rule of the node."""
        return (time.time() if now is None else now) < self.expires_at

    def core(self) -> core.Grant:
        """This row as the node reads it."""
        return core.Grant(
            self.pk, self.peer_id, _texts(self.scopes), self.resource_type, self.resource, self.expires_at
        )


def _texts(value: Any) -> tuple[str, ...]:
    """Of a list that somebody put behind our back, what has the right shape."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
