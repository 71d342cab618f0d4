"""REST: who may connect. Each route is a thin caller of the services, as the panel and the command line are."""

from typing import Annotated, Any

from django.db import transaction
from django.http import HttpRequest
from ninja import Query, Router

from apps.accounts.rights import Right
from apps.peers import selectors, services
from apps.peers.api_models import IssuedToken, PeerChange, PeerIn, PeerOut, Rename, Rotation, peer_model
from apps.peers.digests import state_digest
from apps.peers.json_forms import peer_json
from apps.peers.terms import FIELDS as BESIDE
from apps.peers.terms import PeerState
from apps.rest.answers import Answer
from apps.rest.auth import caller_of, requires
from apps.rest.etags import check_change, etag, reads_state, unchanged
from apps.rest.idempotency import idempotent
from apps.rest.pagination import Cursor, Limit, Page, page_of, text_place
from apps.rest.problems import problems
from node.core.peers import MAX_NAME

router = Router(tags=["Peers"])
_READ, _WRITE = requires(Right.PEERS_READ), requires(Right.PEERS_WRITE)
_KIND = "peers"
_Search = Annotated[str, Query(max_length=MAX_NAME, description="Part of a name, a key or a scope.")]
_Scope = Annotated[str | None, Query(max_length=MAX_NAME, description="A scope that the peer has, exactly.")]


@router.get("", auth=_READ, response=Page[PeerOut], summary="List peers")
def list_peers(
    request: HttpRequest,
    *,
    search: _Search = "",
    enabled: bool | None = None,
    scope: _Scope = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[PeerOut]:
    """Peers by name."""
    after = text_place(_KIND, cursor)
    found = selectors.page_of_peers(search=search, enabled=enabled, scope=scope, after=after, limit=limit + 1)
    entries, following = page_of(found, limit=limit, kind=_KIND, key=lambda entry: entry.peer_id)
    return Page(items=[peer_model(peer_json(state)) for state in selectors.with_terms(entries)], next=following)


@router.get(
    "/{name:peer_id}", auth=_READ, response={200: PeerOut, 304: None, **problems(404, 405)}, summary="Read a peer"
)
@reads_state
def get_peer(request: HttpRequest, peer_id: str) -> Answer:
    """One peer, with the entity tag of its state."""
    state = selectors.get_state(peer_id)
    return unchanged(request, _tag(state)) or _shown(state)


@router.put(
    "/{name:peer_id}",
    auth=_WRITE,
    response={200: PeerOut, 201: PeerOut, **problems(405, 412)},
    summary="Add or replace a peer",
)
@reads_state
def put_peer(request: HttpRequest, peer_id: str, body: PeerIn) -> Answer:
    """Add the peer, or replace all of it; a token, ends and notes that it has stay unless they are sent."""
    with transaction.atomic():
        old = selectors.find_state(peer_id)
        check_change(request, _tag(old) if old else None)
        draft = body.model_dump(exclude={name for name in BESIDE if name not in body.model_fields_set})
        if old and "auth_token_hash" not in body.model_fields_set:
            draft["auth_token_hash"] = old.entry.auth_token_hash
        state = services.replace_peer(actor=caller_of(request).actor, old=old, draft=draft | {"peer_id": peer_id})
    return _shown(state, 200 if old else 201)


@router.patch(
    "/{name:peer_id}", auth=_WRITE, response={200: PeerOut, **problems(404, 405, 412)}, summary="Change a peer"
)
@reads_state
def patch_peer(request: HttpRequest, peer_id: str, body: PeerChange) -> Answer:
    """Change what is sent and leave the rest; with another `peer_id` the peer is renamed as well."""
    return _changed(request, peer_id, body.model_dump(exclude_unset=True))


@router.post(
    "/{name:peer_id}/rename", auth=_WRITE, response={200: PeerOut, **problems(404, 412)}, summary="Rename a peer"
)
@reads_state
def rename_peer(request: HttpRequest, peer_id: str, body: Rename) -> Answer:
    """Give the peer another name; its keys, locks and history go along."""
    return _changed(request, peer_id, body.model_dump())


@router.post(
    "/{name:peer_id}/rotate", auth=_WRITE, response={200: PeerOut, **problems(404, 412)}, summary="Rotate a peer's key"
)
@reads_state
def rotate_key(request: HttpRequest, peer_id: str, body: Rotation) -> Answer:
    """Give the peer a new key, and let the old one hold for a while yet; then its connections are closed."""
    with transaction.atomic():
        check_change(request, _tag(selectors.get_state(peer_id)))
        actor = caller_of(request).actor
        return _shown(services.rotate_key(actor=actor, peer_id=peer_id, **body.model_dump()))


@router.delete("/{name:peer_id}", auth=_WRITE, response={204: None, **problems(404, 405, 412)}, summary="Remove a peer")
@reads_state
def delete_peer(request: HttpRequest, peer_id: str) -> Answer:
    """Remove the peer; its connections are closed."""
    with transaction.atomic():
        check_change(request, _tag(selectors.get_state(peer_id)))
        services.remove_peers(actor=caller_of(request).actor, peer_ids=[peer_id])
    return Answer(status=204)


@router.post(
    "/{name:peer_id}/token",
    auth=_WRITE,
    response={201: IssuedToken, **problems(404, 412)},
    summary="Issue a peer's token",
)
@idempotent
@reads_state
def issue_peer_token(request: HttpRequest, peer_id: str) -> Answer:
    """Make a token in place of any that the peer had. It is told this once."""
    with transaction.atomic():
        check_change(request, _tag(selectors.get_state(peer_id)))
        token = services.issue_peer_token(actor=caller_of(request).actor, peer_id=peer_id)
    return Answer(IssuedToken(token=token), 201)


@router.delete(
    "/{name:peer_id}/token", auth=_WRITE, response={204: None, **problems(404, 412)}, summary="Take a peer's token away"
)
@reads_state
def clear_peer_token(request: HttpRequest, peer_id: str) -> Answer:
    """The peer's keys stay."""
    with transaction.atomic():
        check_change(request, _tag(selectors.get_state(peer_id)))
        services.clear_peer_token(actor=caller_of(request).actor, peer_id=peer_id)
    return Answer(status=204)


def _changed(request: HttpRequest, peer_id: str, changes: dict[str, Any]) -> Answer:
    with transaction.atomic():
        old = selectors.get_state(peer_id)
        check_change(request, _tag(old))
        return _shown(services.change_peer(actor=caller_of(request).actor, old=old, changes=changes))


def _shown(state: PeerState, status: int = 200) -> Answer:
    return Answer(peer_model(peer_json(state)), status, etag=_tag(state))


def _tag(state: PeerState) -> str:
    return etag(state_digest(state))
