"""REST: secrets for other services. A content goes in and never comes out; the node seals it, or nothing is stored."""

from collections import Counter
from typing import Annotated

from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables
from ninja import Router
from pydantic import BaseModel, Field, SecretStr

from apps.accounts.rights import Right
from apps.credentials import selectors, services
from apps.credentials.json_forms import credential_json
from apps.credentials.selectors import CredentialFacts
from apps.credentials.services import Outcome
from apps.rest.answers import Answer, Body
from apps.rest.auth import caller_of, requires
from apps.rest.pagination import Cursor, Limit, Page, page_of, text_place
from apps.rest.problems import problems
from node.core.capabilities import Secret
from node.core.credentials import MAX_CONTENT, MAX_KEY_VERSION, MAX_PROVIDER

router, rotations = Router(tags=["Credentials"]), Router(tags=["Credentials"])
_READ, _WRITE = requires(Right.CREDENTIALS_READ), requires(Right.CREDENTIALS_WRITE)
_KIND = "credentials"


class ContentIn(Body):
    """What is to be sealed."""

    content: Annotated[SecretStr, Field(min_length=1, max_length=MAX_CONTENT)] = Field(
        json_schema_extra={"writeOnly": True}
    )


class RotationIn(Body):
    """Which credentials are to be sealed anew, and under which version of the key."""

    providers: Annotated[list[Annotated[str, Field(max_length=MAX_PROVIDER)]], Field(max_length=1000)] | None = Field(
        None, description="Null is all of them."
    )
    to: Annotated[int, Field(ge=1, le=MAX_KEY_VERSION)] | None = Field(
        None, description="Null is the newest version in use or, where all are under it, the next one."
    )


class CredentialOut(BaseModel):
    """What is known of a credential; never its content."""

    provider: str
    key_version: int
    changed_at: str
    changed_by: str


class RotationOut(BaseModel):
    """What became of a rotation. The same request again goes on where one ended early."""

    to: int
    rotated: int
    there: int = Field(description="Under this version, or a newer one, already.")
    failed: int


@router.get("", auth=_READ, response=Page[CredentialOut], summary="List credentials")
def list_credentials(request: HttpRequest, cursor: Cursor = None, limit: Limit = 50) -> Page[CredentialOut]:
    """Credentials by provider."""
    found = selectors.page_of_credentials(after=text_place(_KIND, cursor), limit=limit + 1)
    credentials, following = page_of(found, limit=limit, kind=_KIND, key=lambda facts: facts.provider)
    return Page(items=[_model(facts) for facts in credentials], next=following)


@router.get(
    "/{name:provider}", auth=_READ, response={200: CredentialOut, **problems(404)}, summary="Read about a credential"
)
def get_credential(request: HttpRequest, provider: str) -> Answer:
    """All but the content."""
    return Answer(_model(selectors.get_credentials([provider])[0]))


@router.put(
    "/{name:provider}",
    auth=_WRITE,
    response={200: CredentialOut, 201: CredentialOut, **problems(409)},
    summary="Set a credential",
)
@sensitive_variables()
def set_credential(request: HttpRequest, provider: str, body: ContentIn) -> Answer:
    """Have the node seal the content, in place of any that the provider had. 503 while the vault is locked."""
    known = selectors.find_key_version(provider) is not None
    content = Secret(body.content.get_secret_value())
    services.set_credential(actor=caller_of(request).actor, provider=provider, content=content)
    return Answer(_model(selectors.get_credentials([provider])[0]), 200 if known else 201)


@router.delete("/{name:provider}", auth=_WRITE, response={204: None, **problems(404)}, summary="Remove a credential")
def delete_credential(request: HttpRequest, provider: str) -> Answer:
    """Handlers have it no longer."""
    services.remove_credentials(actor=caller_of(request).actor, providers=[provider])
    return Answer(status=204)


@rotations.post("", auth=_WRITE, response={200: RotationOut, **problems(404, 409)}, summary="Seal credentials anew")
def rotate_credentials(request: HttpRequest, body: RotationIn) -> Answer:
    """Under a newer version of the vault's key, one after another; each is a change of its own."""
    plan = services.plan_rotation(providers=body.providers, to=body.to)
    steps = services.rotate_credentials(actor=caller_of(request).actor, plan=plan)
    ends = Counter(step.outcome for step in steps)
    there = plan.there + ends[Outcome.THERE]
    return Answer(RotationOut(to=plan.to, rotated=ends[Outcome.ROTATED], there=there, failed=ends[Outcome.FAILED]))


def _model(facts: CredentialFacts) -> CredentialOut:
    return CredentialOut(**credential_json(facts))
