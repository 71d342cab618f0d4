"""REST: what was changed and by whom, and proof that nobody edited it."""

import threading
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Path, Query, Router
from pydantic import BaseModel, Field

from apps.accounts.rights import Right
from apps.audit.checkpoints import checkpoint_json, marks, take_checkpoint
from apps.audit.export import export_stream
from apps.audit.json_forms import entry_json
from apps.audit.reports import report
from apps.audit.selectors import EntryFilters, entries, find_entry
from apps.audit.verification import Verified, verify
from apps.rest.answers import Answer
from apps.rest.auth import requires
from apps.rest.pagination import Cursor, Limit, Page, number_place, page_of
from apps.rest.problems import Refused, problems
from apps.rest.times import TIME, in_utc

router = Router(tags=["Audit"])
_READ, _SIGN = requires(Right.AUDIT_READ), requires(Right.AUDIT_SIGN)
_KIND = "audit"
_verifying = threading.Lock()
"""A verification of a million rows takes ten seconds of a processor: one at a time is enough."""


class EntryQuery(BaseModel):
    """Which changes are meant; what is left out does not count."""

    actor: str | None = Field(None, max_length=255)
    action: str | None = Field(None, max_length=255)
    object_type: str | None = Field(None, max_length=255)
    object_id: str | None = Field(None, max_length=255)
    request_id: str | None = Field(None, max_length=255)
    since: datetime | None = Field(None, description=TIME)
    until: datetime | None = Field(None, description=TIME)

    def wanted(self) -> EntryFilters:
        values = self.model_dump()
        return EntryFilters(**values | {name: in_utc(values[name]) for name in ("since", "until")})


class EntryOut(BaseModel):
    """One change."""

    number: int
    at: str
    actor_kind: str
    actor_name: str
    action: str
    object_type: str
    object_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str
    hash: str


class BrokenOut(BaseModel):
    """The first row that is not as it was written."""

    number: int
    fault: str
    words: str


class BadCheckpointOut(BaseModel):
    """A checkpoint that does not hold."""

    id: int
    words: str


class CheckpointOut(BaseModel):
    """The node's signature over the head of the log."""

    number: int
    hash: str
    fingerprint: str
    signed_at: str
    signature: str


class ReportOut(BaseModel):
    """What a verification of the whole log has found."""

    holds: bool
    rows: int
    broken: BrokenOut | None
    bad_checkpoints: list[BadCheckpointOut]
    signed: CheckpointOut | None
    signers: dict[str, int] = Field(description="How many checkpoints each key has signed.")


@router.get("", auth=_READ, response=Page[EntryOut], summary="List changes")
def list_changes(
    request: HttpRequest, filters: Annotated[EntryQuery, Query()], cursor: Cursor = None, limit: Limit = 50
) -> Page[EntryOut]:
    """What was changed, the newest first."""
    found = entries(filters.wanted(), before=number_place(_KIND, cursor), limit=limit + 1)
    rows, following = page_of(found, limit=limit, kind=_KIND, key=lambda row: row.pk)
    return Page(items=[EntryOut(**entry_json(row)) for row in rows], next=following)


@router.get(
    "/export",
    auth=_READ,
    response={200: None},
    summary="Export the log",
    openapi_extra={"responses": {200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}}},
)
def export_audit(request: HttpRequest) -> StreamingHttpResponse:
    """The whole of it as NDJSON, one JSON object on a line, for others to keep and to verify."""
    return StreamingHttpResponse(export_stream(), content_type="application/x-ndjson")


@router.post(
    "/verify",
    auth=_READ,
    response={200: ReportOut, **problems(409)},
    summary="Verify the log",
    openapi_extra={"x-changes-nothing": True},
)
def verify_audit(request: HttpRequest) -> Answer:
    """Row by row from the beginning, against the checkpoints: some ten seconds for a million rows."""
    if not _verifying.acquire(blocking=False):
        raise Refused(409, "A verification is under way.")
    try:
        end = Verified()
        for end in verify(marks()):  # noqa: B007 - the last one counts
            pass
        return Answer(ReportOut(**report(end).json()))
    finally:
        _verifying.release()


@router.post(
    "/checkpoint",
    auth=_SIGN,
    response={200: CheckpointOut, **problems(409)},
    summary="Have the log signed",
    openapi_extra={"x-changes-nothing": True},
)
def sign_audit(request: HttpRequest) -> Answer:
    """The node signs the head of the log, if it has grown; the checkpoint that covers it."""
    return Answer(CheckpointOut(**checkpoint_json(take_checkpoint())))


@router.get("/{number}", auth=_READ, response={200: EntryOut, **problems(404)}, summary="Read a change")
def get_change(request: HttpRequest, number: Annotated[int, Path(ge=1, le=2**63 - 1)]) -> Answer:
    """One row of the log."""
    row = find_entry(number)
    if row is None:
        raise Refused(404, "There is no such change.")
    return Answer(EntryOut(**entry_json(row)))
