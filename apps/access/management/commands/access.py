"""`manage.py access`: the command line's door to the access tester (alknet_site.json_command)."""

import math
import time
from collections.abc import Mapping
from typing import Any

from alknet_site.json_command import BadRequest, JsonCommand, Reply
from apps.access import selectors, services
from apps.access.errors import Absent
from apps.access.json_forms import assertion_json, assertions_json, explanation_json, grant_json
from apps.access.questions import InvalidQuestion, question
from apps.audit.actors import Actor
from node.core.grants import InvalidGrant

Values = Mapping[str, Any]
_TEXTS = ("who", "alpn", "resource_type", "resource")


class Command(JsonCommand):
    help = "May somebody do something, and what must go on being so: one JSON object on stdin, one on stdout."
    refusals = (InvalidQuestion, InvalidGrant, Absent)
    actions = ("check", "assert", "assertions", "unassert", "grant", "grants", "revoke")

    def do_check(self, actor: Actor, values: Values) -> Reply:
        return explanation_json(selectors.check(question(**_asked(values, _TEXTS))))

    def do_assert(self, actor: Actor, values: Values) -> Reply:
        allowed = values.get("allowed", True)
        if not isinstance(allowed, bool):
            raise BadRequest("allowed", "True or false.")
        rest = {name: value for name, value in values.items() if name != "allowed"}
        wish = _asked(rest, ("who", "resource_type", "resource", "reason"))
        return assertion_json(services.add_assertion(actor=actor, allowed=allowed, **wish))

    def do_assertions(self, actor: Actor, values: Values) -> Reply:
        return assertions_json(selectors.list_assertions())

    def do_unassert(self, actor: Actor, values: Values) -> Reply:
        return {"removed": services.remove_assertions(actor=actor, ids=[_id(values, "assertion")])}

    def do_grant(self, actor: Actor, values: Values) -> Reply:
        """`seconds` from now, or `expires_at`."""
        rest = {name: value for name, value in values.items() if name not in ("seconds", "expires_at")}
        wish = _asked(rest, ("peer_id", "resource_type", "resource", "reason"))
        return grant_json(services.grant_access(actor=actor, expires_at=_end(values), **wish))

    def do_grants(self, actor: Actor, values: Values) -> Reply:
        return [grant_json(row) for row in selectors.list_grants()]

    def do_revoke(self, actor: Actor, values: Values) -> Reply:
        return {"removed": services.revoke_grants(actor=actor, ids=[_id(values, "grant")])}


def _id(values: Values, noun: str) -> str:
    found = values.get("id")
    if not isinstance(found, str):
        raise BadRequest("id", f"Which {noun}? The list shows their ids.")
    return found


def _end(values: Values) -> float:
    for name, begin in (("seconds", time.time()), ("expires_at", 0.0)):
        end = values.get(name)
        if isinstance(end, int | float) and not isinstance(end, bool) and math.isfinite(end):
            return begin + end
    raise BadRequest("expires_at", "Until when? In unix seconds, or how many seconds from now.")


def _asked(values: Values, texts: tuple[str, ...]) -> dict[str, Any]:
    """These texts, and the scopes. Raises BadRequest."""
    for name in values.keys() - {*texts, "scopes"}:
        raise BadRequest(name, "There is no such field.")
    asked: dict[str, Any] = {name: values.get(name, "") for name in texts}
    for name, text in asked.items():
        if not isinstance(text, str):
            raise BadRequest(name, "A text.")
    if not isinstance(values.get("scopes", []), list):
        raise BadRequest("scopes", "A list of texts.")
    return asked | {"scopes": values.get("scopes", [])}
