"""Sealed outbound secrets (spec core §13, vault §12). The node reads this table; the shape of its first five columns is
a contract, the others are ours and have defaults in the database.

Nothing writes it but apps.credentials.services. What lies in it is sealed: the web process cannot open it.
"""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Length, Now
from django.db.models.lookups import Exact, GreaterThanOrEqual

from node.core.credentials import IV_BYTES, TAG_BYTES, EncryptedData, encrypted_data


class Credential(models.Model):
    """One provider's secret, sealed under the node's key of version `key_version`."""

    provider = models.TextField(primary_key=True)
    key_version = models.PositiveBigIntegerField()
    salt = models.BinaryField(default=b"")
    iv = models.BinaryField()
    data = models.BinaryField()
    changed_at = models.DateTimeField("changed", db_default=Now())
    """When the content was last set; a rotation seals the same content anew and leaves this alone."""
    changed_by = models.TextField("by", db_default="")

    class Meta:
        db_table = "credentials"
        ordering = ["provider"]
        constraints = [
            models.CheckConstraint(condition=~Q(provider=""), name="credentials_provider_not_empty"),
            models.CheckConstraint(condition=Q(key_version__gte=1), name="credentials_key_version_from_1"),
            models.CheckConstraint(condition=Exact(Length("iv"), IV_BYTES), name="credentials_iv_12_bytes"),
            models.CheckConstraint(
                condition=GreaterThanOrEqual(Length("data"), TAG_BYTES), name="credentials_data_tag"
            ),
        ]

    def __str__(self) -> str:
        return self.provider

    def blob(self) -> EncryptedData:
        """The sealed content, as plain data. Raises InvalidCredential for what somebody put behind our back."""
        return encrypted_data(self.key_version, self.salt, self.iv, self.data)
