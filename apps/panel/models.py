"""What the panel itself keeps: filters of its lists under a name. Nothing writes this table but the services."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


def new_id() -> str:
    return str(uuid.uuid4())


class SavedFilter(models.Model):
    """What narrows and sorts one list, under a name; one user's, or everybody's where it has no owner.

    `query` is as an address has it, checked when it was stored and again whenever it is shown.
    """

    id = models.TextField(primary_key=True, default=new_id, editable=False)
    list_name = models.TextField()
    name = models.TextField()
    query = models.TextField()
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.TextField("by", db_default="")

    class Meta:
        db_table = "panel_saved_filters"
        ordering = ["list_name", "name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["list_name", "owner", "name"], name="panel_saved_filters_own"),
            models.UniqueConstraint(
                fields=["list_name", "name"], condition=models.Q(owner=None), name="panel_saved_filters_shared"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def shared(self) -> bool:
        return self.owner_id is None
