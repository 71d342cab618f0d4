"""Problem documents (RFC 9457): the one form of every refusal and every failure of the API."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from pydantic import BaseModel, Field

from apps.audit.request_id import current_request_id

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """What went wrong."""

    type: str = Field("about:blank", description="Always about:blank: the status says what kind of problem it is.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The status, as in the response's first line.")
    detail: str = Field(description="What is wrong, in a sentence for people.")
    errors: dict[str, list[str]] = Field({}, description="What is wrong with each field, by its name.")
    request_id: str = Field("", description="Under which the server's log and the audit log know the request.")


class Refused(Exception):
    """What a route raises to answer with a problem."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.errors, self.headers = dict(errors or {}), dict(headers or {})


def problem(
    status: int,
    detail: str,
    *,
    errors: Mapping[str, list[str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """The response."""
    document = Problem(
        title=_title(status),
        status=status,
        detail=detail,
        errors=dict(errors or {}),
        request_id=current_request_id.get() or "",
    )
    return HttpResponse(document.model_dump_json(), status=status, content_type=MEDIA_TYPE, headers=dict(headers or {}))


def problems(*statuses: int) -> dict[int, Any]:
    """What a route declares of its refusals, beside the answers that every route may give."""
    return dict.fromkeys(statuses, Problem)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
