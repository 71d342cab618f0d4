"""Invitations and claims as JSON, for programs and the audit log. Never a code, nor the hash of one."""

from typing import Any

from apps.enrolment.models import Claim
from apps.enrolment.selectors import InviteFacts


def invite_json(facts: InviteFacts) -> dict[str, Any]:
    """Ends are in unix seconds, `created_at` ISO 8601 in UTC."""
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
        "peer_expires_at": facts.peer_expires_at,
        "peer_seconds": facts.peer_seconds,
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
