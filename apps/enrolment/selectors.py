"""Reading invitations and claims."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet

from apps.enrolment.errors import Absent
from apps.enrolment.models import Claim, Invite, Stranger
from apps.peers import selectors as peers
from node.core.enrolment.index import ClaimState

_Row = TypeVar("_Row", bound=Model)
SHORTEST_PREFIX = 4
"""Characters of a claim's id that may stand for all of it."""


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
    peer_expires_at: float | None
    peer_seconds: float | None
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


def find_claim_by_beginning(text: str) -> Claim:
    """By the whole id, or by a beginning that only one has. Raises Absent."""
    found = list(Claim.objects.filter(pk__startswith=text)[:2]) if len(text) >= SHORTEST_PREFIX else []
    if len(found) != 1:
        raise Absent("claim", text)
    return found[0]


def page_of_invites(*, usable: bool | None, after: str | None, limit: int) -> list[InviteFacts]:
    """By id, from the one after."""
    rows = Invite.objects.all()
    rows = rows if usable is None else rows.filter(_usable() if usable else ~_usable())
    return [invite_facts(row) for row in _part(rows, after, limit)]


def page_of_claims(*, state: ClaimState | None, after: str | None, limit: int) -> list[Claim]:
    """By id, from the one after."""
    rows = Claim.objects.all() if state is None else Claim.objects.filter(state=state.value)
    return list(_part(rows, after, limit))


def page_of_strangers(*, after: str | None, limit: int) -> list[Stranger]:
    """Those that are not out of sight, by key, from the one after."""
    return list(_part(_in_sight(), after, limit))


def count_open() -> int:
    return Invite.objects.filter(_usable()).count()


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
        peer_expires_at=row.peer_expires_at,
        peer_seconds=row.peer_seconds,
        state=_state(row),
        created_at=row.created_at,
        created_by=row.created_by,
    )


def _state(row: Invite) -> InviteState:
    if row.revoked_at is not None:
        return InviteState.REVOKED
    if row.usable():
        return InviteState.OPEN
    return InviteState.USED if row.uses_left == 0 else InviteState.OVER


@dataclass(frozen=True, slots=True)
class WaitingClaim:
    """A claim with what its invitation gives. `name` is what the peer will be called unless somebody says otherwise."""

    claim: Claim
    invite: InviteFacts | None
    name: str


@dataclass(frozen=True, slots=True)
class StrangerPage:
    """Keys of one page, the latest first, each with the peer that holds it after all; None where none does."""

    rows: list[tuple[Stranger, str | None]]
    number: int
    pages: int
    total: int


def waiting_claims(limit: int) -> list[WaitingClaim]:
    """What has waited longest first."""
    claims = list(Claim.objects.filter(state=ClaimState.QUEUED.value)[:limit])
    invites = Invite.objects.in_bulk({claim.invite_id for claim in claims})
    return [_waiting(claim, invites.get(claim.invite_id)) for claim in claims]


def decided_claims(limit: int) -> list[Claim]:
    """What was decided last first."""
    return list(Claim.objects.exclude(state=ClaimState.QUEUED.value).order_by("-decided_at", "-at")[:limit])


def strangers(page: str, size: int) -> StrangerPage:
    """Those that are not out of sight."""
    found = Paginator(_in_sight(), size).get_page(page)
    rows = list(found.object_list)
    holders = peers.fingerprint_holders([row.pk for row in rows], besides="")
    paginator = found.paginator
    return StrangerPage(
        [(row, holders.get(row.pk)) for row in rows], found.number, paginator.num_pages, paginator.count
    )


def _part(rows: QuerySet[_Row], after: str | None, limit: int) -> QuerySet[_Row]:
    """By id, from the one after."""
    rows = rows.order_by("pk")
    return (rows if after is None else rows.filter(pk__gt=after))[:limit]


def _usable() -> Q:
    """The rule of `Invite.usable`, at this moment."""
    return Q(uses_left__gt=0, expires_at__gt=time.time())


def _in_sight() -> QuerySet[Stranger]:
    return Stranger.objects.filter(Q(hidden_until=None) | Q(hidden_until__lte=time.time()))


def _waiting(claim: Claim, row: Invite | None) -> WaitingClaim:
    facts = invite_facts(row) if row else None
    return WaitingClaim(claim, facts, (facts.peer_id if facts else "") or claim.name)
