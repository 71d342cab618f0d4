"""REST: API keys of the node's protocols. A key is made and removed, never changed."""

from django.http import HttpRequest
from ninja import Router

from apps.accounts.rights import Right
from apps.peers import selectors, services
from apps.peers.api_models import ApiKeyIn, ApiKeyOut, NewApiKeyOut
from apps.peers.json_forms import api_key_json
from apps.rest.answers import Answer
from apps.rest.auth import caller_of, requires
from apps.rest.idempotency import idempotent
from apps.rest.pagination import Cursor, Limit, Page, page_of, text_place
from apps.rest.problems import problems

router = Router(tags=["API keys"])
_READ, _WRITE = requires(Right.API_KEYS_READ), requires(Right.API_KEYS_WRITE)
_KIND = "api-keys"


@router.get("", auth=_READ, response=Page[ApiKeyOut], summary="List API keys")
def list_api_keys(request: HttpRequest, cursor: Cursor = None, limit: Limit = 50) -> Page[ApiKeyOut]:
    """API keys by prefix."""
    found = selectors.page_of_api_keys(after=text_place(_KIND, cursor), limit=limit + 1)
    entries, following = page_of(found, limit=limit, kind=_KIND, key=lambda entry: entry.prefix)
    return Page(items=[ApiKeyOut(**api_key_json(entry)) for entry in entries], next=following)


@router.get("/{name:prefix}", auth=_READ, response={200: ApiKeyOut, **problems(404)}, summary="Read an API key")
def get_api_key(request: HttpRequest, prefix: str) -> Answer:
    """One key, without its secret."""
    (entry,) = selectors.get_api_keys([prefix])
    return Answer(ApiKeyOut(**api_key_json(entry)))


@router.post("", auth=_WRITE, response={201: NewApiKeyOut}, summary="Make an API key")
@idempotent
def create_api_key(request: HttpRequest, body: ApiKeyIn) -> Answer:
    """The key is told this once."""
    new = services.create_api_key(actor=caller_of(request).actor, **body.model_dump())
    return Answer(NewApiKeyOut(**api_key_json(new.entry), key=new.secret), 201)


@router.delete("/{name:prefix}", auth=_WRITE, response={204: None, **problems(404)}, summary="Remove an API key")
def delete_api_key(request: HttpRequest, prefix: str) -> Answer:
    """What is asked with it from then on is refused."""
    services.remove_api_keys(actor=caller_of(request).actor, prefixes=[prefix])
    return Answer(status=204)
