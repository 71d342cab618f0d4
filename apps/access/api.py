"""REST: may somebody do something, and why."""

from typing import Annotated

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, Field

from apps.access import selectors
from apps.access.json_forms import explanation_json
from apps.access.questions import MAX_WHO, question
from apps.accounts.rights import Right
from apps.rest.answers import Answer, Body
from apps.rest.auth import requires
from node.core.explain import Rule
from node.core.locks import MAX_ALPN
from node.core.peers import MAX_RESOURCE_LENGTH, MAX_SCOPE_LENGTH

router = Router(tags=["Access"])
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
    auth=requires(Right.ACCESS_READ),
    response=AccessOut,
    summary="Check access",
    openapi_extra={"x-changes-nothing": True},
)
def check_access(request: HttpRequest, body: AccessIn) -> Answer:
    """What the node would say to it at this moment, and which rule decides."""
    found = explanation_json(selectors.check(question(**body.model_dump())))
    del found["step"]
    return Answer(AccessOut(**found))
