"""REST: many peers at once, as files."""

from collections.abc import Container
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from pydantic import BaseModel, Field

from apps.accounts.rights import Right
from apps.peers import services
from apps.peers.api_models import ClosingOut, GrantGoing
from apps.peers.portable.answers import file_answer
from apps.peers.portable.formats import Format, media_type, read
from apps.peers.portable.impact import SHOWN, impact_of
from apps.peers.portable.json_forms import plan_json
from apps.peers.portable.text import MAX_UPLOAD
from apps.rest.answers import Answer
from apps.rest.auth import caller_of, requires
from apps.rest.problems import Refused, problems

router = Router(tags=["Peers"])
_READ, _WRITE = requires(Right.PEERS_READ), requires(Right.PEERS_WRITE)
_FILE: dict[str, Any] = {"schema": {"type": "string", "maxLength": MAX_UPLOAD}}
_FORM_OF = {media_type(form): form for form in Format}
_BODY = {"requestBody": {"required": True, "content": dict.fromkeys(_FORM_OF, _FILE)}}
_CONTENT = {
    "responses": {200: {"description": "OK", "content": {name: {"schema": {"type": "string"}} for name in _FORM_OF}}}
}


class Difference(BaseModel):
    """A field of a peer before and after; null where there is no peer."""

    field: str
    before: Any
    after: Any
    words: str


class ImportStep(BaseModel):
    """What happens to one peer."""

    peer_id: str
    action: Literal["added", "changed", "removed"]
    place: str = Field(description="Where the file says so, such as “row 3”; empty of a removal.")
    differences: list[Difference]


class ImportImpact(BaseModel):
    """What an import would close and take along."""

    known: bool = Field(description="Whether it is known who is connected: not while the node does not run.")
    closes: int = Field(description="So many connections would close.")
    closing: list[ClosingOut] = Field(description=f"The first {SHOWN} of them; none without the right activity:read.")
    grants_go: int = Field(description="So many grants in force would go with peers that are removed.")
    grants: list[GrantGoing] = Field(description=f"The first {SHOWN} of them; none without the right grants:read.")
    rules_go: int = Field(description="So often rules of forwarding allow something to the names of peers that go.")
    rules: list[GrantGoing] = Field(description=f"The first {SHOWN}; none without the right forwarding:read.")


class ImportOut(BaseModel):
    """What an import did, or would do."""

    done: bool = Field(description="False after a dry run.")
    added: int
    changed: int
    unchanged: int
    removed: int
    steps: list[ImportStep] = Field(description="The first of them.")
    more: int = Field(description="How many steps are not told one by one.")
    impact: ImportImpact | None = Field(description="Of a dry run; null of what is done.")


@router.post(
    "/import",
    auth=_WRITE,
    response={200: ImportOut, **problems(413, 415)},
    summary="Import peers",
    openapi_extra=_BODY,
)
def import_peers(
    request: HttpRequest,
    *,
    dry_run: Annotated[bool, Query(description="Tell what would be done, and do nothing.")] = False,
    replace: Annotated[bool, Query(description="Remove the peers that the file does not name.")] = False,
) -> Answer:
    """Add and change the peers of a file, all or none. The media type says which form it has.

    What the file does not say of a peer stays as it is. Refusals name the row.
    """
    form = _FORM_OF.get(request.content_type or "")
    if form is None:
        raise Refused(415, f"A file of peers is one of {', '.join(_FORM_OF)}.")
    data = request.read(MAX_UPLOAD + 1)
    if len(data) > MAX_UPLOAD:
        raise Refused(413, f"A file has at most {MAX_UPLOAD} bytes here.")
    rows = read(form, data)
    if dry_run:
        plan = services.plan_import(rows=rows, replace=replace)
        return Answer(_told(plan_json(plan, impact_of(plan)), caller_of(request).rights))
    plan = services.import_peers(actor=caller_of(request).actor, rows=rows, replace=replace)
    return Answer(ImportOut(**plan_json(plan)))


def _told(facts: dict[str, Any], rights: Container[Right]) -> ImportOut:
    """Of a dry run, as far as the caller may know."""
    found = ImportOut(**facts)
    if found.impact and Right.ACTIVITY_READ not in rights:
        found.impact.closing = []
    if found.impact and Right.GRANTS_READ not in rights:
        found.impact.grants = []
    if found.impact and Right.FORWARDING_READ not in rights:
        found.impact.rules = []
    return found


@router.get("/export", auth=_READ, summary="Export peers", openapi_extra=_CONTENT)
def export_peers(request: HttpRequest, *, format: Format = Format.TOML) -> HttpResponse:  # noqa: A002 - its name in the query
    """All peers as a file that can be imported again. Tokens are not in it, nor their hashes."""
    return file_answer(format)
