"""REST: may somebody do something, and why; and what must go on being so."""

from collections.abc import Container
from typing import Annotated

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, Field

from apps.access import selectors, services
from apps.access.json_forms import assertion_json, assertions_json, explanation_json
from apps.access.questions import MAX_WHO, question
from apps.accounts.rights import Right
from apps.peers.api_models import ClosingOut, GrantGoing, PeerChange
from apps.peers.impact import SHOWN, Impact, impact
from apps.rest.answers import Answer, Body
from apps.rest.auth import caller_of, requires
from apps.rest.idempotency import idempotent
from apps.rest.pagination import Cursor, Limit, Page, page_of, text_place
from apps.rest.problems import problems
from node.core.explain import Rule
from node.core.locks import MAX_ALPN, MAX_REASON
from node.core.peers import MAX_NAME, MAX_RESOURCE_LENGTH, MAX_SCOPE_LENGTH

router = Router(tags=["Access"])
_READ, _WRITE = requires(Right.ACCESS_READ), requires(Right.ACCESS_WRITE)
_KIND = "assertions"
MAX_ASKED = 100
"""Scopes of one question."""


class AccessIn(Body):
    """A question. What is left empty is not asked."""

    who: Annotated[str, Field(max_length=MAX_WHO)] = Field(
        "", description="A peer's name, an API key's prefix, or a key in any spelling; empty is a stranger."
    )
    alpn: Annotated[str, Field(max_length=MAX_ALPN)] = Field("", description="A protocol, such as alknet/call.")
    scopes: list[Annotated[str, Field(max_length=MAX_SCOPE_LENGTH)]] = Field(
        [], max_length=MAX_ASKED, description="Every one of them is asked for."
    )
    resource_type: Annotated[str, Field(max_length=MAX_RESOURCE_LENGTH)] = ""
    resource: Annotated[str, Field(max_length=MAX_RESOURCE_LENGTH)] = Field(
        "", description="One of that type; empty asks for any."
    )


class AccessStep(BaseModel):
    """One step of the judgement; the last of them decides."""

    allowed: bool
    rule: Rule
    text: str
    step: str
    children: list["AccessStep"]


class AccessOut(BaseModel):
    """The judgement. `rule` and `text` are those of the step that decided."""

    allowed: bool
    rule: Rule
    text: str
    children: list[AccessStep]


@router.post(
    "/check",
    auth=_READ,
    response=AccessOut,
    summary="Check access",
    openapi_extra={"x-changes-nothing": True},
)
def check_access(request: HttpRequest, body: AccessIn) -> Answer:
    """What the node would say to it at this moment, and which rule decides."""
    found = explanation_json(selectors.check(question(**body.model_dump())))
    del found["step"]
    return Answer(AccessOut(**found))


class ImpactIn(Body):
    """A change of one peer that nobody has made yet."""

    peer_id: Annotated[str, Field(max_length=MAX_NAME)]
    changes: PeerChange | None = Field(None, description="As PATCH of the peer takes them; null removes the peer.")


class ImpactOut(BaseModel):
    """What would go."""

    known: bool = Field(description="Whether it is known who is connected: not while the node does not run.")
    closes: int = Field(description="So many connections would close.")
    closing: list[ClosingOut] = Field(description=f"The first {SHOWN} of them; none without the right activity:read.")
    keys: list[str]
    scopes: list[str] = Field(description="Those that no grant goes on giving.")
    resources: list[str] = Field(description="As kind/name; those that no grant goes on giving.")
    token: bool = Field(description="Whether the peer's token goes.")
    grants: list[GrantGoing] = Field(description="Those in force that go; none without the right grants:read.")


@router.post(
    "/impact",
    auth=requires(Right.PEERS_READ),
    response={200: ImpactOut, **problems(404)},
    summary="Preview a change",
    openapi_extra={"x-changes-nothing": True},
)
def preview_change(request: HttpRequest, body: ImpactIn) -> Answer:
    """Which live connections a change of a peer would close, and which rights would go."""
    changes = None if body.changes is None else body.changes.model_dump(exclude_unset=True)
    return Answer(_impact_model(impact(body.peer_id, changes), caller_of(request).rights))


def _impact_model(found: Impact, rights: Container[Right]) -> ImpactOut:
    closings = found.closings
    shown = closings.shown if Right.ACTIVITY_READ in rights else ()
    grants = (one for one in found.hanging if one.gives is not None) if Right.GRANTS_READ in rights else ()
    return ImpactOut(
        known=closings.known,
        closes=closings.total,
        closing=[ClosingOut.model_validate(one, from_attributes=True) for one in shown],
        keys=list(found.keys),
        scopes=list(found.scopes),
        resources=list(found.resources),
        token=found.token,
        grants=[GrantGoing(id=one.row_id, peer_id=one.peer_id, words=one.words) for one in grants],
    )


class AssertionIn(Body):
    """A new assertion: who must keep these rights or, where `allowed` is false, must not get them."""

    who: Annotated[str, Field(max_length=MAX_NAME)] = Field(description="A peer's name, or an API key's prefix.")
    allowed: bool = True
    scopes: list[Annotated[str, Field(max_length=MAX_SCOPE_LENGTH)]] = Field([], max_length=MAX_ASKED)
    resource_type: Annotated[str, Field(max_length=MAX_RESOURCE_LENGTH)] = ""
    resource: Annotated[str, Field(max_length=MAX_RESOURCE_LENGTH)] = ""
    reason: Annotated[str, Field(max_length=MAX_REASON)] = Field("", description="For administrators.")


class AssertionOut(BaseModel):
    """An assertion. A change of peers or API keys that breaks it is refused."""

    id: str
    who: str
    allowed: bool
    scopes: list[str]
    resource_type: str
    resource: str
    reason: str
    created_at: str
    created_by: str
    sentence: str
    holds: bool = Field(description="Whether it does as things are now, locks aside.")


@router.get("/assertions", auth=_READ, response=Page[AssertionOut], summary="List assertions")
def list_assertions(request: HttpRequest, *, cursor: Cursor = None, limit: Limit = 50) -> Page[AssertionOut]:
    """Assertions in the order of their ids."""
    found = selectors.page_of_assertions(after=text_place(_KIND, cursor), limit=limit + 1)
    rows, following = page_of(found, limit=limit, kind=_KIND, key=lambda row: row.pk)
    return Page(items=[AssertionOut(**told) for told in assertions_json(rows)], next=following)


@router.post("/assertions", auth=_WRITE, response={201: AssertionOut}, summary="Add an assertion")
@idempotent
def add_assertion(request: HttpRequest, body: AssertionIn) -> Answer:
    """It has to hold now, and no change may break it from now on."""
    row = services.add_assertion(actor=caller_of(request).actor, **body.model_dump())
    return Answer(AssertionOut(**assertion_json(row)), 201)


@router.delete(
    "/assertions/{name:assertion_id}", auth=_WRITE, response={204: None, **problems(404)}, summary="Remove an assertion"
)
def remove_assertion(request: HttpRequest, assertion_id: str) -> Answer:
    """What it forbade can be done from now on."""
    services.remove_assertions(actor=caller_of(request).actor, ids=[assertion_id])
    return Answer(status=204)
