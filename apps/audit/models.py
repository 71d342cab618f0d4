"""The log of administrative changes: one row for each, written in the transaction of the change."""

from django.db import models
from django.utils import timezone


class AuditEntry(models.Model):
    """What was changed, by whom and when. Never a secret, nor the hash of one: those read "set" or null."""

    at = models.DateTimeField("time", default=timezone.now, editable=False)
    actor_kind = models.CharField("door", max_length=16)
    actor_name = models.CharField("who", max_length=255)
    action = models.CharField("what", max_length=64)
    object_type = models.CharField("kind", max_length=32)
    object_id = models.TextField("which")
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    request_id = models.CharField("request", max_length=36, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "change"
        verbose_name_plural = "changes"
        indexes = [
            models.Index(fields=["object_type", "object_id"], name="audit_object"),
            models.Index(fields=["actor_name"], name="audit_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_id}"
