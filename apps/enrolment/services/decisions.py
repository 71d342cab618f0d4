"""What an administrator makes of a claim that waits."""

from collections.abc import Mapping, Sequence

from django.db import transaction

from apps.audit.actors import Actor
from apps.audit.services import Change, record
from apps.enrolment import selectors
from apps.enrolment.errors import Conflict
from apps.enrolment.json_forms import claim_json
from apps.enrolment.models import Claim
from apps.enrolment.services.admission import admit, settle
from node.core.enrolment.index import ClaimState
from node.core.peers import InvalidPeer

OBJECT_TYPE = "claim"
REFUSED = "claim.refused"


def approve(
    *,
    actor: Actor,
    claim_id: str,
    sas: str,
    peer_id: str | None = None,
    scopes: Sequence[str] | None = None,
    resources: Mapping[str, Sequence[str]] | None = None,
) -> Claim:
    """Make a peer of it, with the name and the rights of the invitation but for what is given.

    `sas` is the authentication string that the administrator looked at. Raises Conflict where it is another one now.
    """
    with transaction.atomic():
        claim = _waiting(claim_id)
        if claim.sas != sas:
            raise Conflict("The claim was made anew meanwhile. Compare the authentication string once more.")
        invite = selectors.invite_row(claim.invite_id)
        name = peer_id or invite.peer_id or claim.name
        if not name:
            raise InvalidPeer({"peer_id": ["A peer needs a name."]})
        admit(actor=actor, claim=claim, invite=invite, peer_id=name, scopes=scopes, resources=resources)
        return claim


def refuse(*, actor: Actor, claim_id: str) -> Claim:
    """Decline it for good. The use of the code that it took is not given back."""
    with transaction.atomic():
        claim = _waiting(claim_id)
        before = claim_json(claim)
        settle(claim, actor, ClaimState.REFUSED, why="An administrator has declined it.")
        record(actor=actor, changes=[Change(REFUSED, OBJECT_TYPE, claim.pk, before, claim_json(claim))])
        return claim


def _waiting(claim_id: str) -> Claim:
    claim = selectors.find_claim(claim_id)
    if claim.state != ClaimState.QUEUED:
        raise Conflict(f"The claim is decided already: {claim.state}.")
    return claim
