"""REST: what peers may for a while. A grant is given and revoked, never changed."""

from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from apps.access import selectors, services
from apps.access.json_forms import grant_json
from apps.accounts.rights import Right
from apps.rest.answers import Answer, Body
from apps.rest.auth import caller_of, requires
from apps.rest.idempotency import idempotent
from apps.rest.pagination import Cursor, Limit, Page, page_of, text_place
from apps.rest.problems import problems
from node.core.locks import MAX_REASON
from node.core.peers import MAX_EXPIRY, MAX_NAME, MAX_RESOURCE_LENGTH, MAX_SCOPE_LENGTH

router = Router(tags=["Grants"])
_READ, _WRITE = requires(Right.GRANTS_READ), requires(Right.GRANTS_WRITE)
_KIND = "grants"


class GrantIn(Body):
    """A new grant: exactly these scopes and, where both are given, this one resource."""

    peer_id: Annotated[str, Field(max_length=MAX_NAME)]
    scopes: list[Annotated[str, Field(max_length=MAX_SCOPE_LENGTH)]] = Field([], max_length=services.MAX_SCOPES)
    resource_type: Annotated[str, Field(max_length=MAX_RESOURCE_LENGTH)] = ""
    resource: Annotated[str, Field(max_length=MAX_RESOURCE_LENGTH)] = Field("", description="Of that type, by name.")
    expires_at: Annotated[float, Field(gt=0, le=MAX_EXPIRY)] = Field(
        description=f"In unix seconds; in {services.MAX_GRANT / 86_400:.0f} days at the latest."
    )
    reason: Annotated[str, Field(max_length=MAX_REASON)] = Field("", description="For administrators.")


class GrantOut(BaseModel):
    """A grant. The node ends it by itself."""

    id: str
    peer_id: str
    scopes: list[str]
    resource_type: str
    resource: str
    expires_at: float = Field(description="In unix seconds.")
    reason: str
    created_at: str
    created_by: str
    sentence: str
    holds: bool = Field(description="Whether it is in force at this moment.")


@router.get("", auth=_READ, response=Page[GrantOut], summary="List grants")
def list_grants(
    request: HttpRequest,
    *,
    peer_id: Annotated[str | None, Query(max_length=MAX_NAME)] = None,
    holds: bool | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[GrantOut]:
    """Grants in the order of their ids, also those that have come to their end."""
    after = text_place(_KIND, cursor)
    found = selectors.page_of_grants(peer_id=peer_id, holds=holds, after=after, limit=limit + 1)
    rows, following = page_of(found, limit=limit, kind=_KIND, key=lambda row: row.pk)
    return Page(items=[GrantOut(**grant_json(row)) for row in rows], next=following)


@router.get("/{name:grant_id}", auth=_READ, response={200: GrantOut, **problems(404)}, summary="Read a grant")
def get_grant(request: HttpRequest, grant_id: str) -> Answer:
    """One grant, by its id."""
    return Answer(GrantOut(**grant_json(selectors.get_grant(grant_id))))


@router.post("", auth=_WRITE, response={201: GrantOut}, summary="Grant access")
@idempotent
def grant_access(request: HttpRequest, body: GrantIn) -> Answer:
    """The peer has these rights from now on, up to the end."""
    row = services.grant_access(actor=caller_of(request).actor, **body.model_dump())
    return Answer(GrantOut(**grant_json(row)), 201)


@router.delete("/{name:grant_id}", auth=_WRITE, response={204: None, **problems(404)}, summary="Revoke a grant")
def revoke_grant(request: HttpRequest, grant_id: str) -> Answer:
    """What it gave is gone, and connections that it carried close. Of one that has ended, the row goes."""
    services.revoke_grants(actor=caller_of(request).actor, ids=[grant_id])
    return Answer(status=204)
