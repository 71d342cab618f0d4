"""Which role each user of the panel has. Nothing writes it but apps.accounts.services."""

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q

from apps.accounts.rights import Role

ROLES = [(role.value, role.value) for role in Role]


class Member(models.Model):
    """A user who has a role. One without may sign in, and sees nothing."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="member")
    role = models.TextField(choices=ROLES)

    class Meta:
        db_table = "accounts_member"
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(role__in=[role.value for role in Role]), name="accounts_member_role_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.role}"


class Attempt(models.Model):
    """Failed attempts to sign in, of an account from an address or of an address; `key` is a keyed hash of which."""

    key = models.CharField(max_length=64, primary_key=True)
    failures = models.PositiveIntegerField()
    last = models.FloatField(db_index=True)
    until = models.FloatField()
    """Unix seconds up to which it is closed; 0 where it is not."""

    class Meta:
        db_table = "accounts_attempt"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.failures} failures"
