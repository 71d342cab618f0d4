"""`manage.py locks`: the command line's door to the locks (alknet_site.json_command)."""

import math
import time
from collections.abc import Mapping
from typing import Any

from alknet_site.json_command import BadRequest, JsonCommand, Reply
from apps.audit.actors import Actor
from apps.locks import selectors, services
from apps.locks.errors import Absent
from apps.locks.json_forms import lock_json
from node.core.locks import InvalidLock

Values = Mapping[str, Any]

_LOCK = frozenset({"target_kind", "target", "reason", "message", "expires_at", "seconds"})


class Command(JsonCommand):
    help = "Place, list and lift locks: one JSON object on stdin, one on stdout."
    refusals = (InvalidLock, Absent)
    actions = ("lock", "unlock", "list", "tidy")

    def do_lock(self, actor: Actor, values: Values) -> Reply:
        """`seconds` from now, or `expires_at`, or neither: until somebody lifts it."""
        for name in values.keys() - _LOCK:
            raise BadRequest(name, "There is no such field.")
        placed = services.lock(
            actor=actor,
            target_kind=_text(values, "target_kind"),
            target=_text(values, "target"),
            reason=_text(values, "reason"),
            message=_text(values, "message"),
            expires_at=_end(values),
        )
        return lock_json(placed)

    def do_unlock(self, actor: Actor, values: Values) -> Reply:
        lock_id = _text(values, "id")
        if not lock_id:
            raise BadRequest("id", "Which lock? The list shows their ids.")
        return lock_json(services.unlock(actor=actor, lock_id=lock_id))

    def do_list(self, actor: Actor, values: Values) -> Reply:
        return [lock_json(facts) for facts in selectors.list_locks()]

    def do_tidy(self, actor: Actor, values: Values) -> Reply:
        return {"removed": services.remove_expired(actor=actor)}


def _text(values: Values, name: str) -> str:
    text = values.get(name, "")
    if not isinstance(text, str):
        raise BadRequest(name, "A text.")
    return text


def _end(values: Values) -> float | None:
    end, seconds = values.get("expires_at"), values.get("seconds")
    if seconds is None:
        return end  # the services look at it
    if end is not None:
        raise BadRequest("seconds", "Either seconds or expires_at.")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not math.isfinite(seconds) or seconds <= 0:
        raise BadRequest("seconds", "A number above 0.")
    return time.time() + seconds
