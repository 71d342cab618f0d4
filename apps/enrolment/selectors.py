"""Reading invitations and claims."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from apps.enrolment.errors import Absent
from apps.enrolment.models import Claim, Invite
from node.core.enrolment.index import ClaimState


class InviteState(StrEnum):
    """What an invitation is at this moment."""

    OPEN = "open"
    USED = "used up"
    OVER = "over"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class InviteFacts:
    """What people and programs see of an invitation. Times ending in `_at` are in unix seconds but `created_at`."""

    invite_id: str
    note: str
    peer_id: str
    scopes: tuple[str, ...]
    resources: dict[str, tuple[str, ...]] = field(hash=False)
    uses: int
    uses_left: int
    expires_at: float
    needs_approval: bool
    state: InviteState
    created_at: datetime
    created_by: str


def list_invites() -> list[InviteFacts]:
    """All of them, the newest first."""
    return [invite_facts(row) for row in Invite.objects.all()]


def find_invite(invite_id: str) -> InviteFacts:
    """Raises Absent."""
    return invite_facts(invite_row(invite_id))


def invite_row(invite_id: str) -> Invite:
    row = Invite.objects.filter(pk=invite_id).first()
    if row is None:
        raise Absent("invitation", invite_id)
    return row


def list_claims(states: Iterable[ClaimState] | None = None) -> list[Claim]:
    """Those in these states, or all; what has waited longest first."""
    rows = Claim.objects.all()
    return list(rows if states is None else rows.filter(state__in=[state.value for state in states]))


def find_claim(claim_id: str) -> Claim:
    """Raises Absent."""
    row = Claim.objects.filter(pk=claim_id).first()
    if row is None:
        raise Absent("claim", claim_id)
    return row


def count_queued() -> int:
    return Claim.objects.filter(state=ClaimState.QUEUED.value).count()


def invite_facts(row: Invite) -> InviteFacts:
    return InviteFacts(
        invite_id=row.pk,
        note=row.note,
        peer_id=row.peer_id,
        scopes=tuple(row.scopes),
        resources={kind: tuple(names) for kind, names in row.resources.items()},
        uses=row.uses,
        uses_left=row.uses_left,
        expires_at=row.expires_at,
        needs_approval=row.needs_approval,
        state=_state(row),
        created_at=row.created_at,
        created_by=row.created_by,
    )


def invite_json(facts: InviteFacts) -> dict[str, Any]:
    """For programs, and the audit log: never the code, nor its hash."""
    return {
        "id": facts.invite_id,
        "note": facts.note,
        "peer_id": facts.peer_id or None,
        "scopes": list(facts.scopes),
        "resources": {kind: list(names) for kind, names in facts.resources.items()},
        "uses": facts.uses,
        "uses_left": facts.uses_left,
        "expires_at": facts.expires_at,
        "needs_approval": facts.needs_approval,
        "state": facts.state.value,
        "created_at": facts.created_at.isoformat(timespec="seconds"),
        "created_by": facts.created_by,
    }


def claim_json(row: Claim) -> dict[str, Any]:
    return {
        "id": row.pk,
        "invite_id": row.invite_id,
        "fingerprint": row.fingerprint,
        "name": row.name or None,
        "sas": row.sas,
        "asked": row.asked,
        "address": row.address,
        "at": row.at,
        "state": row.state,
        "why": row.why,
        "peer_id": row.peer_id or None,
        "decided_at": row.decided_at,
        "decided_by": row.decided_by,
    }


def _state(row: Invite) -> InviteState:
    if row.revoked_at is not None:
        return InviteState.REVOKED
    if row.usable():
        return InviteState.OPEN
    return InviteState.USED if row.uses_left == 0 else InviteState.OVER
