"""Entity tags: a change made up from an older state is refused, where the caller says which (RFC 9110 §13)."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpRequest

from apps.rest.answers import Answer
from apps.rest.problems import Refused

Route = TypeVar("Route", bound=Callable[..., Any])
_HEADERS = {
    "If-Match": "Entity tags, or *: 412 where the state is another one.",
    "If-None-Match": "Entity tags, or *: 304 to a reader who has the state, 412 to a change of it.",
}
_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


def etag(digest: str) -> str:
    """The tag of a state, out of its digest."""
    return f'"{digest[:32]}"'


def check_change(request: HttpRequest, current: str | None) -> None:
    """Refuse with 412 where the headers ask for another state. `current` is None where there is nothing yet.

    Call it in the transaction of the change. Without If-Match and If-None-Match every state will do.
    """
    wanted, unwanted = _tags(request, "If-Match"), _tags(request, "If-None-Match")
    if wanted is not None and not _names(wanted, current):
        raise Refused(412, "It is not in the state that If-Match names: read it again.")
    if unwanted is not None and _names(unwanted, current):
        raise Refused(412, "It is in the state that If-None-Match names.")


def unchanged(request: HttpRequest, current: str) -> Answer | None:
    """304 where the reader has this state already."""
    known = _tags(request, "If-None-Match")
    return Answer(status=304, etag=current) if known is not None and _names(known, current) else None


def reads_state(route: Route) -> Route:
    """Says in the schema that a route reads these headers."""
    route.request_headers = _HEADERS  # type: ignore[attr-defined] # read by apps.rest.schema
    return route


def _tags(request: HttpRequest, header: str) -> list[str] | None:
    text = request.headers.get(header)
    if text is None:
        return None
    if text.strip() == "*":
        return ["*"]
    tags = _TAG.findall(text)
    if not tags:
        raise Refused(400, f"{header} is * or a list of entity tags in quotes.")
    return tags


def _names(tags: list[str], current: str | None) -> bool:
    """A weak tag names no state here: what is told is always the whole of it."""
    return current is not None and ("*" in tags or current in tags)
