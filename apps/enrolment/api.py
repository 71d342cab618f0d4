"""REST: invitations, the claims that were made by their codes, and keys that nobody knows.

To let a machine in takes the right to change peers besides: a token without it makes invitations that ask first.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from django.db import transaction
from django.http import HttpRequest
from ninja import Query, Router

from apps.accounts.rights import Right
from apps.enrolment import selectors, services
from apps.enrolment.api_models import (
    Admission,
    Approval,
    ClaimOut,
    Dismissal,
    InviteIn,
    InviteOut,
    NewInviteOut,
    StrangerOut,
)
from apps.enrolment.json_forms import claim_json, invite_json
from apps.enrolment.models import Claim, Stranger
from apps.enrolment.place import node_place
from apps.peers.api_models import PeerOut, peer_model
from apps.peers.json_forms import peer_json
from apps.peers.selectors import get_state
from apps.rest.answers import Answer
from apps.rest.auth import caller_of, requires
from apps.rest.idempotency import idempotent
from apps.rest.pagination import Cursor, Limit, Page, page_of, text_place
from apps.rest.problems import Refused, problems
from node.core.enrolment.index import ClaimState

invites = Router(tags=["Invitations"])
claims = Router(tags=["Claims"])
strangers = Router(tags=["Unknown keys"])
_READ, _WRITE = requires(Right.INVITES_READ), requires(Right.INVITES_WRITE)


@invites.get("", auth=_READ, response=Page[InviteOut], summary="List invitations")
def list_invites(
    request: HttpRequest,
    usable: Annotated[bool | None, Query(description="Only those that can be claimed, or cannot.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[InviteOut]:
    """Invitations by id, without their codes."""
    found = selectors.page_of_invites(usable=usable, after=text_place("invites", cursor), limit=limit + 1)
    shown, following = page_of(found, limit=limit, kind="invites", key=lambda facts: facts.invite_id)
    return Page(items=[InviteOut(**invite_json(facts)) for facts in shown], next=following)


@invites.get("/{name:invite_id}", auth=_READ, response={200: InviteOut, **problems(404)}, summary="Read an invitation")
def get_invite(request: HttpRequest, invite_id: str) -> Answer:
    """One invitation, without its code."""
    return Answer(InviteOut(**invite_json(selectors.find_invite(invite_id))))


@invites.post("", auth=_WRITE, response={201: NewInviteOut, **problems(503)}, summary="Make an invitation")
@idempotent
def create_invite(request: HttpRequest, body: InviteIn) -> Answer:
    """The code is told this once. The node has to run: its key stands in the code."""
    if not body.needs_approval:
        _require_peers(request)
    wish = body.model_dump()
    address, node = node_place(wish.pop("address"), request.get_host())
    new = services.create_invite(actor=caller_of(request).actor, address=address, node=node, **wish)
    return Answer(NewInviteOut(**invite_json(new.facts), code=new.code.text(), address=address), 201)


@invites.delete("/{name:invite_id}", auth=_WRITE, response={204: None, **problems(404)}, summary="Revoke an invitation")
def revoke_invite(request: HttpRequest, invite_id: str) -> Answer:
    """Its code is refused from now on; claims that were made by it stay."""
    services.revoke_invite(actor=caller_of(request).actor, invite_id=invite_id)
    return Answer(status=204)


@claims.get("", auth=_READ, response=Page[ClaimOut], summary="List claims")
def list_claims(
    request: HttpRequest, state: ClaimState | None = None, cursor: Cursor = None, limit: Limit = 50
) -> Page[ClaimOut]:
    """Claims by id; those that wait for a decision are `queued`."""
    found = selectors.page_of_claims(state=state, after=text_place("claims", cursor), limit=limit + 1)
    shown, following = page_of(found, limit=limit, kind="claims", key=lambda claim: claim.pk)
    return Page(items=[_claim(claim) for claim in shown], next=following)


@claims.get("/{name:claim_id}", auth=_READ, response={200: ClaimOut, **problems(404)}, summary="Read a claim")
def get_claim(request: HttpRequest, claim_id: str) -> Answer:
    """One claim."""
    return Answer(_claim(selectors.find_claim(claim_id)))


@claims.post(
    "/{name:claim_id}/approve", auth=_WRITE, response={200: ClaimOut, **problems(404, 409)}, summary="Approve a claim"
)
@idempotent
def approve_claim(request: HttpRequest, claim_id: str, body: Approval) -> Answer:
    """Let the machine in; it is told at once. Takes peers:write besides. 409 where other digits are shown now."""
    _require_peers(request)
    with transaction.atomic():
        claim = services.approve(actor=caller_of(request).actor, claim_id=claim_id, **body.model_dump())
    return Answer(_claim(claim))


@claims.post(
    "/{name:claim_id}/refuse", auth=_WRITE, response={200: ClaimOut, **problems(404, 409)}, summary="Refuse a claim"
)
@idempotent
def refuse_claim(request: HttpRequest, claim_id: str) -> Answer:
    """For good; the machine is told at once."""
    return Answer(_claim(services.refuse(actor=caller_of(request).actor, claim_id=claim_id)))


@strangers.get("", auth=_READ, response=Page[StrangerOut], summary="List unknown keys")
def list_strangers(request: HttpRequest, cursor: Cursor = None, limit: Limit = 50) -> Page[StrangerOut]:
    """Keys that came without being a peer's, and were not dismissed, by key."""
    found = selectors.page_of_strangers(after=text_place("strangers", cursor), limit=limit + 1)
    shown, following = page_of(found, limit=limit, kind="strangers", key=lambda row: row.pk)
    return Page(items=[_stranger(row) for row in shown], next=following)


@strangers.post(
    "/{name:fingerprint}/admit", auth=_WRITE, response={201: PeerOut, **problems(404)}, summary="Admit an unknown key"
)
@idempotent
def admit_stranger(request: HttpRequest, fingerprint: str, body: Admission) -> Answer:
    """Make a peer of it. Takes peers:write besides."""
    _require_peers(request)
    wish: Mapping[str, Any] = body.model_dump()
    entry = services.admit_stranger(actor=caller_of(request).actor, fingerprint=fingerprint, **wish)
    return Answer(peer_model(peer_json(get_state(entry.peer_id))), 201)


@strangers.post(
    "/{name:fingerprint}/dismiss", auth=_WRITE, response={204: None, **problems(404)}, summary="Dismiss an unknown key"
)
def dismiss_stranger(request: HttpRequest, fingerprint: str, body: Dismissal) -> Answer:
    """Put it out of sight, for a time or for good. It gets in as little as before."""
    services.dismiss_stranger(actor=caller_of(request).actor, fingerprint=fingerprint, seconds=body.seconds)
    return Answer(status=204)


def _require_peers(request: HttpRequest) -> None:
    if Right.PEERS_WRITE not in caller_of(request).rights:
        raise Refused(403, f"To let a machine in takes the right {Right.PEERS_WRITE} besides.")


def _claim(claim: Claim) -> ClaimOut:
    return ClaimOut(**claim_json(claim))


def _stranger(row: Stranger) -> StrangerOut:
    names = ("first_seen", "last_seen", "count", "address", "alpn", "how")
    return StrangerOut(fingerprint=row.pk, **{name: getattr(row, name) for name in names})
