"""What makes a peer of a claim: one place, whoever decides."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from apps.audit.actors import Actor
from apps.audit.words import who_words
from apps.enrolment.models import Claim, Invite
from apps.peers import selectors as peers
from apps.peers import services as peer_services
from node.core.enrolment.index import ClaimState


def held_by(fingerprint: str) -> str | None:
    """The peer that holds this key, enabled or not."""
    return peers.fingerprint_holders([fingerprint], besides="").get(fingerprint)


def admit(
    *,
    actor: Actor,
    claim: Claim,
    invite: Invite,
    peer_id: str,
    scopes: Sequence[str] | None = None,
    resources: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Make the peer, and save the claim as admitted. Inside the caller's transaction. Raises InvalidPeer."""
    draft = {
        "peer_id": peer_id,
        "keys": [claim.fingerprint],
        "scopes": list(invite.scopes if scopes is None else scopes),
        "resources": invite.resources if resources is None else resources,
        "expires_at": invite.peer_end(time.time()),
    }
    through = {"invite": invite.pk, "claim": claim.pk, "sas": claim.sas, "address": claim.address}
    entry = peer_services.enrol_peer(actor=actor, draft=draft, through=through)
    settle(claim, actor, ClaimState.ADMITTED, peer_id=entry.peer_id)


def follow_rename(*, old: str, new: str, **_: Any) -> None:
    """Whoever asks again is told its name of now. Called in the transaction that renames the peer."""
    Claim.objects.filter(peer_id=old, state=ClaimState.ADMITTED.value).update(peer_id=new)


def settle(claim: Claim, actor: Actor, state: ClaimState, *, peer_id: str = "", why: str = "") -> None:
    """Save what was decided."""
    claim.state, claim.peer_id, claim.why = state, peer_id, why
    claim.decided_at, claim.decided_by = time.time(), who_words(actor.kind, actor.name)
    claim.save()
