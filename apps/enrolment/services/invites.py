"""Writes of the table `invites`. An invitation is made and revoked, never changed."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.audit.actors import Actor
from apps.audit.services import Change, record
from apps.audit.words import who_words
from apps.enrolment import selectors
from apps.enrolment.errors import InvalidInvite
from apps.enrolment.json_forms import invite_json
from apps.enrolment.models import Invite
from apps.enrolment.selectors import InviteFacts, invite_facts
from apps.peers import selectors as peers
from node.core.enrolment.code import CodeError, InviteCode, new_code
from node.core.enrolment.derived import code_hash
from node.core.peers import check_display_name, check_end, check_peer_id, check_resources, check_scopes

OBJECT_TYPE = "invite"
MAX_USES = 1_000
MAX_OPEN = 1_000
"""Invitations that may be claimed at a time: the node holds them in memory."""
SHORTEST, LONGEST, USUAL = 60, 30 * 86_400, 86_400
"""Seconds that a code may be good for, and those of one of which nothing is said."""

LONGEST_PEER = 36_525 * 86_400
"""Seconds that a peer may be set to hold from its admission on."""


class InviteAction(StrEnum):
    """What the audit log says was done."""

    MADE = "invite.made"
    REVOKED = "invite.revoked"


@dataclass(frozen=True, slots=True)
class NewInvite:
    """An invitation that was just made. `code` is seen here and never again: only its hash is stored."""

    facts: InviteFacts
    code: InviteCode = field(repr=False)


def create_invite(  # noqa: PLR0913 - one parameter for each column
    *,
    actor: Actor,
    address: str,
    node: str,
    seconds: float = USUAL,
    uses: int = 1,
    peer_id: str = "",
    scopes: Sequence[str] = (),
    resources: Mapping[str, Sequence[str]] | None = None,
    needs_approval: bool = True,
    peer_expires_at: float | None = None,
    peer_seconds: float | None = None,
    note: str = "",
) -> NewInvite:
    """Make a code that is good for `uses` machines during `seconds`. `address` and `node` say where the node is
    reached, HOST:PORT, and the fingerprint of its key. The peers end at `peer_expires_at`, in unix seconds, or each
    `peer_seconds` after it was admitted."""
    with transaction.atomic():
        columns = plan_invite(
            seconds=seconds,
            uses=uses,
            peer_id=peer_id,
            scopes=scopes,
            resources=resources,
            needs_approval=needs_approval,
            peer_expires_at=peer_expires_at,
            peer_seconds=peer_seconds,
            note=note,
        )
        if selectors.count_open() >= MAX_OPEN:
            raise InvalidInvite({"uses": [f"There are {MAX_OPEN} open invitations already: revoke some."]})
        code = _code(address, node)
        who = {"created_at": timezone.now(), "created_by": who_words(actor.kind, actor.name)}
        row = Invite.objects.create(code_hash=code_hash(code.secret), **columns, **who)
        facts = invite_facts(row)
        record(actor=actor, changes=[Change(InviteAction.MADE, OBJECT_TYPE, row.pk, after=invite_json(facts))])
        return NewInvite(facts, code)


def revoke_invite(*, actor: Actor, invite_id: str) -> InviteFacts:
    """Let nobody claim it from the commit on. Claims that were made stay. One that was revoked already stays so."""
    with transaction.atomic():
        row = selectors.invite_row(invite_id)
        before = invite_facts(row)
        if row.revoked_at is None:
            row.revoked_at, row.uses_left = time.time(), 0
            row.save(update_fields=["revoked_at", "uses_left"])
            facts = invite_json(before), invite_json(invite_facts(row))
            record(actor=actor, changes=[Change(InviteAction.REVOKED, OBJECT_TYPE, row.pk, *facts)])
        return invite_facts(row)


def plan_invite(  # noqa: PLR0913 - the same
    *,
    seconds: float = USUAL,
    uses: int = 1,
    peer_id: str = "",
    scopes: Sequence[str] = (),
    resources: Mapping[str, Sequence[str]] | None = None,
    needs_approval: bool = True,
    peer_expires_at: float | None = None,
    peer_seconds: float | None = None,
    note: str = "",
) -> dict[str, Any]:
    """The columns that `create_invite` would store. For forms, which show what is wrong before anything is written."""
    errors = {
        "seconds": _check_seconds(seconds),
        "uses": _check_uses(uses),
        "peer_id": _check_name(peer_id, uses),
        "scopes": check_scopes(scopes),
        "resources": check_resources(resources),
        "note": check_display_name(note),
        "needs_approval": [] if isinstance(needs_approval, bool) else ["True or false."],
        "peer_expires_at": _check_peer_end(peer_expires_at, seconds),
        "peer_seconds": _check_peer_seconds(peer_seconds, peer_expires_at),
    }
    if wrong := {name: texts for name, texts in errors.items() if texts}:
        raise InvalidInvite(wrong)
    return {
        "note": note,
        "peer_id": peer_id,
        "scopes": list(scopes),
        "resources": {kind: list(names) for kind, names in (resources or {}).items()},
        "uses": uses,
        "uses_left": uses,
        "expires_at": float(time.time() + seconds),
        "needs_approval": needs_approval,
        "peer_expires_at": peer_expires_at,
        "peer_seconds": peer_seconds,
    }


def _code(address: str, node: str) -> InviteCode:
    try:
        return new_code(address, node)
    except CodeError as error:
        raise InvalidInvite({"address": [f"{str(error).capitalize()}."]}) from None


def _check_seconds(value: Any) -> list[str]:
    if isinstance(value, int | float) and not isinstance(value, bool) and SHORTEST <= value <= LONGEST:
        return []
    return ["A code is good for a minute at least, and for 30 days at most."]


def _check_peer_end(value: Any, seconds: Any) -> list[str]:
    """Not within the time of the code: what it lets in at the last would have ended before it came."""
    wrong = check_end(value)
    if value is None or wrong or _check_seconds(seconds):
        return wrong
    return [] if value > time.time() + seconds else ["The code is good for longer than the peers would be."]


def _check_peer_seconds(value: Any, end: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, int | float) or isinstance(value, bool) or not SHORTEST <= value <= LONGEST_PEER:
        return ["A peer holds for a minute at least, and for 100 years at most."]
    return [] if end is None else ["Either a moment at which the peers end, or how long each holds."]


def _check_uses(value: Any) -> list[str]:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_USES:
        return []
    return [f"A whole number from 1 to {MAX_USES}."]


def _check_name(peer_id: Any, uses: Any) -> list[str]:
    if peer_id == "":
        return []
    if wrong := check_peer_id(peer_id):
        return wrong
    if uses != 1:
        return ["A code for several machines names none of them."]
    return [f"There is a peer “{peer_id}” already."] if peers.find_peer(peer_id) is not None else []
