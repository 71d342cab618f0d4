"""Invitations, and the claims that were made by their codes (docs/adr/0041). The node follows the first two tables.

A third tells of keys that nobody knows. Nothing writes them but apps.enrolment.services.
"""

import secrets
import time

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from node.core.enrolment.index import ClaimState


def new_id() -> str:
    return secrets.token_hex(6)


class Invite(models.Model):
    """What a one-time code is good for. Of the code itself only a hash is kept."""

    id = models.TextField(primary_key=True, default=new_id, editable=False)
    code_hash = models.TextField(unique=True)
    note = models.TextField(blank=True, db_default="")
    peer_id = models.TextField("peer", blank=True, db_default="")
    """The name of the peer that it makes; empty where the joiner proposes one."""
    scopes = models.JSONField(default=list, blank=True)
    resources = models.JSONField(default=dict, blank=True)
    uses = models.PositiveIntegerField()
    uses_left = models.PositiveIntegerField()
    expires_at = models.FloatField("until")
    """Unix seconds."""
    needs_approval = models.BooleanField()
    peer_expires_at = models.FloatField("peers end", null=True, blank=True)
    """Unix seconds when the peers that come of it end, however late each was admitted."""
    peer_seconds = models.FloatField("peers last", null=True, blank=True)
    """So long each of them holds from its admission on; one of the two at most, and neither where they have no end."""
    revoked_at = models.FloatField(null=True, blank=True)
    """Unix seconds; no use is left of one that was revoked."""
    created_at = models.DateTimeField("made", db_default=Now())
    created_by = models.TextField("by", db_default="")

    class Meta:
        db_table = "invites"
        verbose_name = "invitation"
        ordering = ["-created_at", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(uses_left__lte=F("uses")), name="invites_uses_left_bounded"),
            models.CheckConstraint(
                condition=Q(peer_expires_at=None) | Q(peer_seconds=None), name="invites_one_end_of_peers"
            ),
            models.CheckConstraint(condition=Q(revoked_at=None) | Q(uses_left=0), name="invites_revoked_has_no_use"),
        ]

    def __str__(self) -> str:
        return self.id

    def peer_end(self, admitted_at: float) -> float | None:
        """When a peer ends that is admitted at this moment; both in unix seconds."""
        return self.peer_expires_at if self.peer_seconds is None else admitted_at + self.peer_seconds

    def usable(self, now: float | None = None) -> bool:
        """Whether a claim may be made by it at this moment, in unix seconds: the rule of the node."""
        return self.uses_left > 0 and (time.time() if now is None else now) < self.expires_at


class Claim(models.Model):
    """A key that came with a code. `id` names both, so that it is one claim however often it is made."""

    id = models.TextField(primary_key=True, editable=False)
    number = models.BigIntegerField()
    """That of the inbox, the last time that it was made."""
    invite_id = models.TextField("invitation")
    fingerprint = models.TextField("key")
    name = models.TextField("proposed name", blank=True, db_default="")
    sas = models.TextField("authentication string", db_default="")
    asked = models.PositiveIntegerField(default=1)
    """How often it was made."""
    address = models.TextField(db_default="")
    at = models.FloatField()
    """Unix seconds, when it was made last."""
    state = models.TextField(choices=[(state.value, state.value) for state in ClaimState])
    why = models.TextField(blank=True, db_default="")
    """Why it is queued or refused, for administrators."""
    peer_id = models.TextField("peer", blank=True, db_default="")
    """The name under which it was admitted."""
    decided_at = models.FloatField(null=True, blank=True)
    decided_by = models.TextField(blank=True, db_default="")

    class Meta:
        db_table = "claims"
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["state", "at"], name="claims_state_at")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in ClaimState]), name="claims_state_known"
            ),
            models.CheckConstraint(
                condition=(Q(state=ClaimState.ADMITTED.value) & ~Q(peer_id=""))
                | (~Q(state=ClaimState.ADMITTED.value) & Q(peer_id="")),
                name="claims_admitted_is_a_peer",
            ),
        ]

    def __str__(self) -> str:
        return self.id


class Stranger(models.Model):
    """A key that came without being a peer's: it connected as nobody, or was refused. Bounded by services.strangers."""

    fingerprint = models.TextField("key", primary_key=True)
    first_seen = models.FloatField()
    last_seen = models.FloatField()
    """Both in unix seconds."""
    count = models.PositiveBigIntegerField("times")
    address = models.TextField(db_default="")
    """Without the port."""
    alpn = models.TextField("protocol", db_default="")
    how = models.TextField(db_default="")
    """Why it was refused the last time; empty where it was let in as nobody."""
    hidden_until = models.FloatField(null=True, blank=True)
    """Unix seconds until which an administrator does not want to see it."""

    class Meta:
        db_table = "strangers"
        verbose_name = "unknown key"
        ordering = ["-last_seen", "fingerprint"]
        indexes = [
            models.Index(fields=["hidden_until", "last_seen"], name="strangers_seen"),
            models.Index(fields=["address", "last_seen"], name="strangers_address"),
        ]

    def __str__(self) -> str:
        return self.fingerprint


class InboxPosition(models.Model):
    """How far each inbox of the node was read: part of the transaction of what was read."""

    inbox = models.TextField(primary_key=True)
    number = models.BigIntegerField()

    class Meta:
        db_table = "enrolment_position"
