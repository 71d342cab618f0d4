"""Who may connect (spec core §8, §13). The node reads these two tables; their shapes are a contract.

Nothing writes them but apps.peers.services.
"""

from typing import Any

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Concat

from node.core.fingerprint import is_fingerprint
from node.core.peers import ApiKeyEntry, PeerEntry


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


class Peer(models.Model):
    """A stable name with keys, scopes and resources."""

    peer_id = models.TextField("name", primary_key=True)
    fingerprints = models.JSONField("keys", default=list, blank=True)
    auth_token_hash = models.TextField("token hash", null=True, blank=True, unique=True)
    scopes = models.JSONField(default=list, blank=True)
    resources = models.JSONField(default=dict, blank=True)
    display_name = models.TextField(null=True, blank=True)
    enabled = models.BooleanField(default=True)

    class Meta:
        db_table = "peers"
        ordering = ["peer_id"]
        constraints = [
            models.CheckConstraint(condition=~Q(peer_id=""), name="peers_peer_id_not_empty"),
        ]

    def __str__(self) -> str:
        return self.peer_id

    def entry(self) -> PeerEntry:
        """This row as plain data. What somebody put behind our back and has not the right shape is left out."""
        resources = self.resources if isinstance(self.resources, dict) else {}
        return PeerEntry(
            peer_id=self.peer_id,
            fingerprints=tuple(filter(is_fingerprint, _texts(self.fingerprints))),
            auth_token_hash=self.auth_token_hash,
            scopes=_texts(self.scopes),
            resources={kind: _texts(names) for kind, names in resources.items()},
            display_name=self.display_name,
            enabled=self.enabled,
        )


class ApiKey(models.Model):
    """A bearer token that is an identity of its own, named by its public prefix."""

    prefix = models.TextField(primary_key=True)
    hash = models.TextField(unique=True)
    scopes = models.JSONField(default=list, blank=True)
    description = models.TextField(default="", blank=True)
    expires_at = models.PositiveBigIntegerField("expires", null=True, blank=True, help_text="In unix seconds.")

    class Meta:
        db_table = "api_keys"
        ordering = ["prefix"]
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(condition=Q(prefix__startswith="alk_"), name="api_keys_prefix_mark"),
        ]

    def __str__(self) -> str:
        return self.prefix

    def entry(self) -> ApiKeyEntry:
        return ApiKeyEntry(
            prefix=self.prefix,
            hash=self.hash,
            scopes=_texts(self.scopes),
            description=self.description,
            expires_at=self.expires_at,
        )


class PeerTerm(models.Model):
    """Up to when a peer may connect or, with a fingerprint, that key of it may prove it (docs/adr/0042).

    The node reads this table as well, and keeps the time of each row itself.
    """

    id = models.TextField(primary_key=True)
    peer_id = models.TextField(db_index=True)
    fingerprint = models.TextField(blank=True, db_default="")
    expires_at = models.FloatField()
    """Unix seconds."""

    class Meta:
        db_table = "peer_terms"
        constraints = [
            models.CheckConstraint(
                condition=Q(id=Concat("fingerprint", Value(" "), "peer_id")), name="peer_terms_id_is_whose_it_is"
            ),
        ]

    def __str__(self) -> str:
        return self.id


class PeerNote(models.Model):
    """What administrators leave for each other about a peer. The node never reads it."""

    peer_id = models.TextField(primary_key=True)
    text = models.TextField()

    class Meta:
        db_table = "peer_notes"

    def __str__(self) -> str:
        return self.peer_id
