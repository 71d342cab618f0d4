"""Taking claims out of the node's inbox, each exactly once.

The position is part of the transaction of what it speaks of, and is read in it again: the use of the invitation, the
peer, the audit row and the outcome are there all together or not at all, wherever a process is killed.
"""

from dataclasses import dataclass

from django.db import transaction

from apps.audit.actors import Actor, ActorKind
from apps.audit.services import Change, record
from apps.enrolment.json_forms import claim_json
from apps.enrolment.models import Claim, InboxPosition, Invite
from apps.enrolment.selectors import count_queued
from apps.enrolment.services.admission import admit, held_by
from apps.peers import selectors as peers
from node.core.enrolment import claim as inbox
from node.core.enrolment.index import ClaimState
from node.core.peers import InvalidPeer

OBJECT_TYPE = "claim"
QUEUED = "claim.queued"
MAX_QUEUED = 1_000
"""Claims that wait for an administrator at a time."""
MOST_ASKED = 100
"""How often one claim may be made anew: each time its authentication string is another one."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    state: ClaimState
    why: str
    peer_id: str = ""


def position_of(identity: str) -> int:
    """The number of the last claim of this inbox that was taken; 0 before the first."""
    row = InboxPosition.objects.filter(pk=identity).first()
    return row.number if row else 0


def take(identity: str, number: int, arrived: inbox.Claim) -> Claim | None:
    """Take one claim of the inbox `identity`, or None where that was done before."""
    with transaction.atomic():
        if number <= position_of(identity):
            return None
        InboxPosition.objects.update_or_create(pk=identity, defaults={"number": number})
        known = Claim.objects.filter(pk=arrived.claim_id).first()
        return _again(known, number, arrived) if known else _first(number, arrived)


def _again(known: Claim, number: int, arrived: inbox.Claim) -> Claim:
    """The same key with the same code. What was decided stays, and no other use is taken."""
    known.number = number
    if known.state == ClaimState.QUEUED and known.asked < MOST_ASKED:
        known.sas, known.at, known.address = arrived.sas, arrived.at, arrived.address
        known.name = arrived.name or known.name
        known.asked += 1
    known.save()
    return known


def _first(number: int, arrived: inbox.Claim) -> Claim:
    invite = Invite.objects.filter(code_hash=arrived.code_hash).first()
    claim = Claim(
        id=arrived.claim_id,
        number=number,
        invite_id=invite.pk if invite else "",
        fingerprint=arrived.fingerprint,
        name=arrived.name if inbox.is_proposable(arrived.name) else "",
        sas=arrived.sas,
        address=arrived.address,
        at=arrived.at,
    )
    verdict = _judge(invite, claim)
    claim.state, claim.why = verdict.state, verdict.why
    if invite is not None and verdict.state is not ClaimState.REFUSED:
        invite.uses_left -= 1
        invite.save(update_fields=["uses_left"])
    actor = Actor(ActorKind.NODE, f"invite {claim.invite_id}")
    if invite is not None and verdict.state is ClaimState.ADMITTED and _admitted(actor, claim, invite, verdict.peer_id):
        return claim
    claim.save(force_insert=True)
    if claim.state == ClaimState.QUEUED:
        record(actor=actor, changes=[Change(QUEUED, OBJECT_TYPE, claim.pk, after=claim_json(claim))])
    return claim


def _admitted(actor: Actor, claim: Claim, invite: Invite, peer_id: str) -> bool:
    """Whether it is a peer now. What the rules of peers refuse is for an administrator, and holds up no other claim."""
    try:
        with transaction.atomic():
            admit(actor=actor, claim=claim, invite=invite, peer_id=peer_id)
    except InvalidPeer as error:
        claim.state, claim.why, claim.peer_id = ClaimState.QUEUED, str(error)[:500], ""
        claim.decided_at, claim.decided_by = None, ""
        return False
    return True


def _judge(invite: Invite | None, claim: Claim) -> _Verdict:
    """By the time at which it was made: a claim that was kept while nobody took it is as good as ever."""
    if invite is None or not invite.usable(claim.at):
        return _Verdict(ClaimState.REFUSED, "The code was used up, over or revoked.")
    if count_queued() >= MAX_QUEUED:
        return _Verdict(ClaimState.REFUSED, "Too many claims wait for a decision.")
    if held_by(claim.fingerprint):
        return _Verdict(ClaimState.REFUSED, "The key is that of a peer already.")
    name = invite.peer_id or claim.name
    if invite.needs_approval:
        return _Verdict(ClaimState.QUEUED, "The invitation asks for an approval.")
    if not name:
        return _Verdict(ClaimState.QUEUED, "Nobody said how the peer is to be called.")
    if peers.find_peer(name) is not None:
        return _Verdict(ClaimState.QUEUED, f"There is a peer “{name}” already.")
    return _Verdict(ClaimState.ADMITTED, "", name)
