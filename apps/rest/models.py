"""Answers that are kept for a day, for callers who ask again because they do not know whether they were heard."""

from django.db import models


class KeptAnswer(models.Model):
    """What one caller was answered under one Idempotency-Key. Nothing here can be read without that key."""

    key_digest = models.CharField(max_length=64, primary_key=True)
    """HMAC-SHA256 of the caller and the key they sent."""
    caller = models.CharField(max_length=64)
    request_digest = models.CharField(max_length=64)
    """HMAC-SHA256 of the method, the path and the body."""
    sealed = models.BinaryField()
    """The answer, AES-256-GCM under a key that comes of the key they sent."""
    kept_at = models.FloatField()
    """In unix seconds."""

    class Meta:
        db_table = "rest_kept_answers"
        default_permissions = ()
        indexes = [
            models.Index(fields=["kept_at"], name="rest_kept_at"),
            models.Index(fields=["caller", "kept_at"], name="rest_kept_caller"),
        ]

    def __str__(self) -> str:
        return self.key_digest[:8]
