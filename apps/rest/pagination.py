"""Long lists, page by page. A cursor says where a page ended, and means nothing to the caller."""

import base64
import json
from typing import Annotated, Any, Generic, TypeVar

from ninja import Query
from pydantic import BaseModel, Field

from apps.rest.problems import Refused

Item = TypeVar("Item")
MAX_LIMIT = 500
MAX_CURSOR = 2048

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Most items of the page.")]
Cursor = Annotated[
    str | None, Query(max_length=MAX_CURSOR, description="`next` of the page before; left out for the first page.")
]


class Page(BaseModel, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    next: str | None = Field(description="The cursor of the page after this one; null on the last.")


def page_of(items: list[Item], *, limit: int, kind: str, key: Any) -> tuple[list[Item], str | None]:
    """The page and its `next`, out of one item more than the page has. `key` gives the place of an item."""
    if len(items) <= limit:
        return items, None
    return items[:limit], cursor(kind, key(items[limit - 1]))


def cursor(kind: str, place: str | int) -> str:
    """`kind` names the list: a cursor of another one is refused."""
    return base64.urlsafe_b64encode(json.dumps([kind, place]).encode()).decode().rstrip("=")


def text_place(kind: str, text: str | None) -> str | None:
    """Where the page before ended. Raises Refused."""
    place = _place(kind, text)
    if place is not None and not isinstance(place, str):
        raise _wrong()
    return place


def number_place(kind: str, text: str | None) -> int | None:
    """The same, where the list goes by a number."""
    place = _place(kind, text)
    if place is not None and (not isinstance(place, int) or isinstance(place, bool) or abs(place) >= 2**63):
        raise _wrong()
    return place


def _place(kind: str, text: str | None) -> Any:
    if text is None:
        return None
    try:
        found = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise _wrong() from None
    if not isinstance(found, list) or len(found) != 2 or found[0] != kind:
        raise _wrong()
    return found[1]


def _wrong() -> Refused:
    text = "This is no cursor that the list gave."
    return Refused(422, text, errors={"cursor": [text]})
