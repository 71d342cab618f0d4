"""`manage.py activity`: the command line's door to what happened. One JSON object in, one out."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from alknet_site.json_command import BadRequest, JsonCommand, Reply
from apps.activity import selectors
from apps.activity.filters import EventFilters
from apps.activity.json_forms import event_json
from apps.activity.words import told
from apps.audit.actors import Actor

Values = Mapping[str, Any]
_TEXTS = ("peer_id", "alpn", "boot")
_NUMBERS = ("connection", "before", "limit")
_TIMES = ("since", "until")


class Command(JsonCommand):
    help = "Read what happened: one JSON object on stdin, one on stdout."
    actions = ("list",)

    def do_list(self, actor: Actor, values: Values) -> Reply:
        for name in values:
            if name not in (*_TEXTS, *_NUMBERS, *_TIMES, "kinds"):
                raise BadRequest(name, "There is no such field.")
        numbers = {name: _number(values, name) for name in _NUMBERS}
        filters = EventFilters(
            kinds=_kinds(values),
            connection=numbers["connection"],
            **{name: _text(values, name) for name in _TEXTS},  # type: ignore[arg-type]
            **{name: _time(values, name) for name in _TIMES},  # type: ignore[arg-type]
        )
        limit = 50 if numbers["limit"] is None else numbers["limit"]
        found = selectors.events(filters, numbers["before"], limit)
        return [event_json(event) | {"told": told(event)} for event in found]


def _kinds(values: Values) -> tuple[str, ...]:
    kinds = values.get("kinds") or []
    if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds) or len(kinds) > 32:
        raise BadRequest("kinds", "A list of at most 32 texts.")
    return tuple(kinds)


def _text(values: Values, name: str) -> str:
    text = values.get(name) or ""
    if not isinstance(text, str):
        raise BadRequest(name, "A text.")
    return text


def _number(values: Values, name: str) -> int | None:
    number = values.get(name)
    if number is not None and (not isinstance(number, int) or isinstance(number, bool) or abs(number) >= 2**63):
        raise BadRequest(name, "A whole number.")
    return number


def _time(values: Values, name: str) -> datetime | None:
    text = values.get(name)
    try:
        at = None if text is None else datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise BadRequest(name, "A time such as 2027-01-31T12:00:00Z.") from None
    if at is not None and at.tzinfo is None:
        raise BadRequest(name, "A time with its zone.")
    return at
