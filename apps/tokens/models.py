"""Bearer tokens of the REST API. Nothing writes them but apps.tokens.services and apps.tokens.last_used."""

from django.db import models
from django.utils import timezone


class ApiToken(models.Model):
    """A named set of rights for a program. Of its secret only a keyed digest is here."""

    id = models.CharField(max_length=16, primary_key=True)
    name = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    """HMAC-SHA256 of the whole token, in hexadecimal digits (apps.tokens.secrets)."""
    rights = models.JSONField(default=list)
    owner = models.CharField(max_length=150, blank=True, default="")
    """The user whose rights bound those of the token; empty for one that stands by itself."""
    created_at = models.DateTimeField("made", default=timezone.now, editable=False)
    created_by = models.CharField("made by", max_length=300)
    expires_at = models.PositiveBigIntegerField("expires", null=True, blank=True, help_text="In unix seconds.")
    networks = models.JSONField(default=list, blank=True)
    """CIDR texts; where there are none, every address may use the token."""
    last_used_at = models.DateTimeField("last used", null=True, blank=True, editable=False)
    last_address = models.CharField("last used from", max_length=45, blank=True, default="", editable=False)

    class Meta:
        db_table = "api_tokens"
        ordering = ["name", "id"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return self.name
