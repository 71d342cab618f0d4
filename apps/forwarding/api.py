"""REST: whom peers may reach through the node, and where they may listen on it."""

from typing import Annotated, Any

from django.db import transaction
from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, Field

from apps.accounts.rights import Right
from apps.forwarding import selectors, services
from apps.forwarding.json_forms import answer_json, listed_json, rule_json
from apps.forwarding.models import Rule
from apps.forwarding.tester import MAX_TARGET, answer, question
from apps.rest.answers import Answer, Body
from apps.rest.auth import caller_of, requires
from apps.rest.etags import check_change, etag, reads_state, unchanged
from apps.rest.idempotency import idempotent
from apps.rest.pagination import Page
from apps.rest.problems import problems
from node.core.forwarding.notation import MAX_PATTERN
from node.core.forwarding.policy import Action, Direction, Transport
from node.core.forwarding.rules import MAX_PRINCIPAL, MAX_PRINCIPALS
from node.core.forwarding.target import MAX_ADDRESSES
from node.core.locks import MAX_REASON
from node.core.peers import MAX_NAME

router = Router(tags=["Forwarding"])
_READ, _WRITE = requires(Right.FORWARDING_READ), requires(Right.FORWARDING_WRITE)
_TARGET = "Such as *, db-*.lan, 10.0.0.0/8, db.lan:5432, [fd00::/8]:8000..9000 (without 9000), alknet-*, /run/*.sock."
_PRINCIPALS = "Names of peers, and scopes; empty is everybody."
_ALL = "Empty is all of them."

Principals = Annotated[list[Annotated[str, Field(max_length=MAX_PRINCIPAL)]], Field(max_length=MAX_PRINCIPALS)]
Place = Annotated[int, Field(ge=1, le=services.MAX_RULES)]
Transports = Annotated[list[Annotated[Transport, Field(strict=False)]], Field(max_length=len(Transport))]
Directions = Annotated[list[Annotated[Direction, Field(strict=False)]], Field(max_length=len(Direction))]


class ForwardingRuleIn(Body):
    """A new rule."""

    action: Annotated[Action, Field(strict=False)]
    target: Annotated[str, Field(max_length=MAX_PATTERN)] = Field(description=_TARGET)
    principals: Principals = Field([], description=_PRINCIPALS)
    transports: Transports = Field([], description=_ALL)
    directions: Directions = Field([], description=f"local: the node connects; remote: the node listens. {_ALL}")
    note: Annotated[str, Field(max_length=MAX_REASON)] = Field("", description="For administrators.")
    position: Place | None = Field(None, description="Its place, counted from 1; null is the end of the list.")


class ForwardingRuleChange(Body):
    """What is to be different. What is left out stays."""

    action: Annotated[Action, Field(strict=False)] = Action.DENY
    target: Annotated[str, Field(max_length=MAX_PATTERN)] = Field("*", description=_TARGET)
    principals: Principals = Field([], description=_PRINCIPALS)
    transports: Transports = Field([], description=_ALL)
    directions: Directions = Field([], description=_ALL)
    note: Annotated[str, Field(max_length=MAX_REASON)] = ""
    position: Place = Field(1, description="Its new place; the rules between move by one.")


class ForwardingRuleOut(BaseModel):
    """A rule. The first that matches decides."""

    id: str
    position: int
    action: Action
    target: str = Field(description=_TARGET)
    principals: list[str] = Field(description=_PRINCIPALS)
    transports: list[str] = Field(description=_ALL)
    directions: list[str] = Field(description=_ALL)
    note: str
    changed_at: str
    changed_by: str
    sentence: str


class ForwardingRuleListed(ForwardingRuleOut):
    """The same in the list."""

    unknown: list[str] = Field(description="Of `principals`, what is neither a peer’s name nor a scope of one now.")


class ForwardingQuestion(Body):
    """May this peer be connected with this target, or listen there?"""

    peer_id: Annotated[str, Field(max_length=MAX_NAME)]
    target: Annotated[str, Field(max_length=MAX_TARGET)] = Field(
        description="HOST:PORT, [IPv6]:PORT, or the path of a Unix socket."
    )
    direction: Annotated[Direction, Field(strict=False)] = Direction.LOCAL
    transport: Annotated[Transport, Field(strict=False)] = Transport.QUIC
    addresses: list[Annotated[str, Field(max_length=64)]] | None = Field(
        None, max_length=MAX_ADDRESSES, description="Judged as those of the name; null has it looked up here."
    )


class ForwardingStep(BaseModel):
    """One step of the judgement."""

    step: str = Field(description="caller, scope, name or rules.")
    allowed: bool
    text: str


class ForwardingAnswer(BaseModel):
    """The judgement; every step must allow it. `text` is that of the step that decided."""

    allowed: bool
    text: str
    rule: ForwardingRuleOut | None = Field(description="The rule that decided among the rules; null where none did.")
    addresses: list[str] = Field(description="What the name was resolved to; each was judged.")
    steps: list[ForwardingStep]


@router.get("/rules", auth=_READ, response=Page[ForwardingRuleListed], summary="List forwarding rules")
def list_forwarding_rules(request: HttpRequest) -> Page[ForwardingRuleListed]:
    """All rules in their order, on one page. Where none of them matches, it is refused."""
    return Page(items=[ForwardingRuleListed(**one) for one in listed_json(selectors.list_rules())], next=None)


@router.get(
    "/rules/{name:rule_id}",
    auth=_READ,
    response={200: ForwardingRuleOut, 304: None, **problems(404)},
    summary="Read a forwarding rule",
)
@reads_state
def get_forwarding_rule(request: HttpRequest, rule_id: str) -> Answer:
    """One rule, with its entity tag, which changes when the rule moves as well."""
    row = selectors.get_rule(rule_id)
    return unchanged(request, _tag(row)) or _shown(row)


@router.post("/rules", auth=_WRITE, response={201: ForwardingRuleOut}, summary="Add a forwarding rule")
@idempotent
def add_forwarding_rule(request: HttpRequest, body: ForwardingRuleIn) -> Answer:
    """It counts for whatever peers ask for from now on."""
    return _shown(services.add_rule(actor=caller_of(request).actor, **body.model_dump(mode="json")), 201)


@router.patch(
    "/rules/{name:rule_id}",
    auth=_WRITE,
    response={200: ForwardingRuleOut, **problems(404, 412)},
    summary="Change or move a forwarding rule",
)
@reads_state
def patch_forwarding_rule(request: HttpRequest, rule_id: str, body: ForwardingRuleChange) -> Answer:
    """Another `position` moves it."""
    changes: dict[str, Any] = body.model_dump(mode="json", exclude_unset=True)
    with transaction.atomic():
        check_change(request, _tag(selectors.get_rule(rule_id)))
        return _shown(services.change_rule(actor=caller_of(request).actor, rule_id=rule_id, **changes))


@router.delete(
    "/rules/{name:rule_id}", auth=_WRITE, response={204: None, **problems(404, 412)}, summary="Remove a forwarding rule"
)
@reads_state
def remove_forwarding_rule(request: HttpRequest, rule_id: str) -> Answer:
    """Those below it move up."""
    with transaction.atomic():
        check_change(request, _tag(selectors.get_rule(rule_id)))
        services.remove_rules(actor=caller_of(request).actor, rule_ids=[rule_id])
    return Answer(status=204)


@router.post(
    "/check",
    auth=_READ,
    response=ForwardingAnswer,
    summary="Check forwarding",
    openapi_extra={"x-changes-nothing": True},
)
def check_forwarding(request: HttpRequest, body: ForwardingQuestion) -> Answer:
    """What the node would say at this moment, which rule decides, and why."""
    return Answer(ForwardingAnswer(**answer_json(answer(question(**body.model_dump())))))


def _shown(row: Rule, status: int = 200) -> Answer:
    return Answer(ForwardingRuleOut(**rule_json(row)), status, etag=_tag(row))


def _tag(row: Rule) -> str:
    return etag(selectors.state_digest(row))
