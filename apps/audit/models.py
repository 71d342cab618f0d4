"""The log of administrative changes: one row for each, written in the transaction of the change, chained by hashes.

Triggers refuse to change or remove a row of it (apps.audit.guards), and a row is only ever written by
`apps.audit.services.record`.
"""

from django.db import models
from django.utils import timezone

from apps.audit.words import action_words


class AuditEntry(models.Model):
    """What was changed, by whom and when. Never a secret, nor the hash of one: those read "set" or null.

    The primary key is the row's number in the chain: 1, 2, 3 and so on without a gap.
    """

    at = models.DateTimeField("time", default=timezone.now, editable=False)
    actor_kind = models.CharField("door", max_length=16)
    actor_name = models.CharField("who", max_length=255)
    action = models.CharField("what", max_length=64)
    object_type = models.CharField("kind", max_length=32)
    object_id = models.TextField("which")
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    request_id = models.CharField("request", max_length=36, blank=True)
    hash = models.CharField(max_length=64, editable=False)
    """SHA-256 over the hash of the row before and this row (apps.audit.chain), in hexadecimal digits."""

    class Meta:
        ordering = ["-id"]
        verbose_name = "change"
        verbose_name_plural = "changes"
        indexes = [
            models.Index(fields=["object_id", "object_type"], name="audit_which"),
            models.Index(fields=["actor_name"], name="audit_actor"),
            models.Index(fields=["actor_kind"], name="audit_door"),
            models.Index(fields=["action"], name="audit_action"),
            models.Index(fields=["request_id"], name="audit_request"),
            models.Index(fields=["at"], name="audit_time"),
        ]

    def __str__(self) -> str:
        return f"{action_words(self.action)} {self.object_id}"


class Checkpoint(models.Model):
    """A node's signature over the head of the log (node.core.checkpoint). Append-only, as the log is."""

    number = models.BigIntegerField("up to change")
    hash = models.CharField(max_length=64)
    fingerprint = models.CharField("signed by", max_length=72)
    signed_at = models.CharField("signed (UTC)", max_length=20)
    signature = models.CharField(max_length=88)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"changes up to {self.number}, {self.signed_at}"


class Verification(models.Model):
    """How the last verification of the whole log ended: one row, for people to see. It proves nothing by itself."""

    at = models.DateTimeField()
    number = models.BigIntegerField()
    """Rows up to this one are as they were written."""
    broken = models.BigIntegerField(null=True)
    """The first row that is not, and why."""
    reason = models.CharField(max_length=32, blank=True)
    words = models.TextField(blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"verified up to {self.number}"
