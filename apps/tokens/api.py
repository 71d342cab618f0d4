"""REST: the tokens of this very API. A token is made and revoked, never changed."""

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from apps.accounts.rights import Right
from apps.rest.answers import Answer, Body
from apps.rest.auth import caller_of, requires
from apps.rest.idempotency import idempotent
from apps.rest.pagination import Cursor, Limit, Page, page_of, text_place
from apps.rest.problems import problems
from apps.tokens import selectors, services
from apps.tokens.bounds import owners_of, refuse_excess, refuse_others
from apps.tokens.checks import MAX_NAME, MAX_NETWORKS
from apps.tokens.json_forms import token_json
from node.core.peers import MAX_EXPIRY

router = Router(tags=["Tokens"])
_READ, _WRITE = requires(Right.TOKENS_READ), requires(Right.TOKENS_WRITE)
_KIND = "tokens"


class TokenIn(Body):
    """A new token of this API."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
    rights: Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=64)] = Field(
        description="Such as peers:write, which holds peers:read."
    )
    owner: Annotated[str, Field(max_length=150)] | None = Field(
        None, description='The user whose rights bound the token\'s; left out it is the caller, and "" is nobody.'
    )
    expires_at: Annotated[int, Field(ge=1, le=MAX_EXPIRY)] | None = Field(
        None, description="In unix seconds; null never expires."
    )
    networks: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=MAX_NETWORKS)] = Field(
        [], description="From where it may be used, such as 10.0.0.0/8; none is from everywhere."
    )


class TokenOut(BaseModel):
    """A token, without its secret."""

    id: str
    name: str
    rights: list[str]
    owner: str
    created_at: str
    created_by: str
    expires_at: int | None = Field(description="In unix seconds; null never expires.")
    networks: list[str]
    last_used_at: str | None = Field(description="As of a minute ago at most.")
    last_address: str | None


class NewTokenOut(TokenOut):
    """A token that was just made, told this once."""

    token: str


@router.get("", auth=_READ, response=Page[TokenOut], summary="List tokens")
def list_tokens(
    request: HttpRequest,
    search: Annotated[str, Query(max_length=MAX_NAME, description="Part of a name or an id.")] = "",
    owner: Annotated[str | None, Query(max_length=150)] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[TokenOut]:
    """Tokens by id."""
    after = text_place(_KIND, cursor)
    found = selectors.page_of_tokens(search=search, owner=owner, after=after, limit=limit + 1)
    tokens, following = page_of(found, limit=limit, kind=_KIND, key=lambda token: token.id)
    return Page(items=[TokenOut(**token_json(token)) for token in tokens], next=following)


@router.get("/{name:token_id}", auth=_READ, response={200: TokenOut, **problems(404)}, summary="Read a token")
def get_token(request: HttpRequest, token_id: str) -> Answer:
    """One token, without its secret."""
    (token,) = selectors.get_tokens([token_id])
    return Answer(TokenOut(**token_json(token)))


@router.post("", auth=_WRITE, response={201: NewTokenOut}, summary="Make a token")
@idempotent
def create_token(request: HttpRequest, body: TokenIn) -> Answer:
    """The token is told this once. It may be given no right that the caller has not."""
    caller = caller_of(request)
    values: dict[str, Any] = body.model_dump()
    values["owner"] = caller.username if body.owner is None else body.owner
    refuse_excess(rights=body.rights, owner=values["owner"], held=caller.rights, username=caller.username)
    new = services.create_token(actor=caller.actor, **values)
    return Answer(NewTokenOut(**token_json(new.facts), token=new.text), 201)


@router.delete("/{name:token_id}", auth=_WRITE, response={204: None, **problems(404)}, summary="Revoke a token")
def revoke_token(request: HttpRequest, token_id: str) -> Answer:
    """From now on it is not taken."""
    caller = caller_of(request)
    tokens = selectors.get_tokens([token_id])
    refuse_others(owners=owners_of(tokens), held=caller.rights, username=caller.username)
    services.revoke_tokens(actor=caller.actor, ids=[token_id])
    return Answer(status=204)
