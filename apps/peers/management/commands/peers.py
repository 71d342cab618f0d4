"""`manage.py peers`: the command line's door to the peers. One JSON object in, one out (alknet_site.json_command)."""

import base64
import binascii
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from alknet_site.json_command import BadRequest, JsonCommand, Reply
from apps.activity.json_forms import presence_json
from apps.activity.selectors import presence
from apps.audit.actors import Actor
from apps.peers import selectors, services
from apps.peers.beside import told_beside
from apps.peers.errors import Absent
from apps.peers.json_forms import peer_json
from apps.peers.portable.formats import format_named, read, write
from apps.peers.portable.impact import impact_of
from apps.peers.portable.json_forms import plan_json
from apps.peers.portable.rows import ImportRefused
from apps.peers.portable.text import MAX_FILE
from apps.peers.terms import PeerState
from node.core.peers import InvalidPeer

Values = Mapping[str, Any]

_DRAFT = ("keys", "scopes", "resources", "display_name", "enabled")


class Command(JsonCommand):
    help = "Read and change peers: one JSON object on stdin, one on stdout."
    refusals = (InvalidPeer, ImportRefused, Absent)
    actions = (
        *("add", "show", "list", "set", "enable", "disable", "rename", "remove"),
        *("expire", "rotate", "note", "import", "export"),
    )
    max_input = 2 * MAX_FILE
    """A file comes in base64."""

    def do_add(self, actor: Actor, values: Values) -> Reply:
        draft = _draft(values, "peer_id", "token")
        with transaction.atomic():
            entry = services.create_peer(actor=actor, draft=draft | {"peer_id": values.get("peer_id")})
            return _with_token(actor, entry.peer_id, wanted=_flag(values, "token"))

    def do_show(self, actor: Actor, values: Values) -> Reply:
        return _with_presence([selectors.get_state(_name(values))])[0]

    def do_list(self, actor: Actor, values: Values) -> Reply:
        search = values.get("search") or ""
        if not isinstance(search, str):
            raise BadRequest("search", "A text.")
        found = selectors.list_peers(search=search, enabled=_flag(values, "enabled"))
        return _with_presence(selectors.with_terms(found))

    def do_set(self, actor: Actor, values: Values) -> Reply:
        peer_id, changes = _name(values), _draft(values, "peer_id", "token")
        with transaction.atomic():
            entry = services.update_peer(actor=actor, peer_id=peer_id, changes=changes)
            return _with_token(actor, entry.peer_id, wanted=_flag(values, "token"))

    def do_enable(self, actor: Actor, values: Values) -> Reply:
        return self._set_enabled(actor, values, enabled=True)

    def do_disable(self, actor: Actor, values: Values) -> Reply:
        return self._set_enabled(actor, values, enabled=False)

    def do_rename(self, actor: Actor, values: Values) -> Reply:
        changes = {"peer_id": values.get("new_peer_id")}
        try:
            entry = services.update_peer(actor=actor, peer_id=_name(values), changes=changes)
            return peer_json(selectors.get_state(entry.peer_id))
        except InvalidPeer as error:
            raise InvalidPeer({"new_peer_id": error.errors.get("peer_id", [str(error)])}) from None

    def do_remove(self, actor: Actor, values: Values) -> Reply:
        state = selectors.get_state(_name(values))
        services.remove_peers(actor=actor, peer_ids=[state.peer_id])
        return peer_json(state)

    def do_expire(self, actor: Actor, values: Values) -> Reply:
        """`seconds` from now, or `expires_at`, or neither: never. With `key`, that key of the peer alone."""
        _known(values, "peer_id", "key", "seconds", "expires_at")
        name, end = _name(values), _end(values)
        if values.get("key") is None:
            return peer_json(services.set_peer_expiry(actor=actor, peer_id=name, expires_at=end))
        return peer_json(services.set_key_expiry(actor=actor, peer_id=name, key=_text(values, "key"), expires_at=end))

    def do_rotate(self, actor: Actor, values: Values) -> Reply:
        """`overlap` is in seconds."""
        _known(values, "peer_id", "old", "new", "overlap")
        old, new, overlap = _text(values, "old"), _text(values, "new"), _seconds(values, "overlap")
        name = _name(values)
        return peer_json(
            services.rotate_key(actor=actor, peer_id=name, old=old, new=new, overlap_seconds=overlap or 0.0)
        )

    def do_note(self, actor: Actor, values: Values) -> Reply:
        _known(values, "peer_id", "notes")
        return peer_json(services.set_peer_notes(actor=actor, peer_id=_name(values), notes=_text(values, "notes")))

    def do_import(self, actor: Actor, values: Values) -> Reply:
        """`content` is the file in base64; with `dry_run` nothing is written."""
        form, replace = format_named(str(values.get("format"))), _flag(values, "replace") is True
        rows = read(form, _content(values))
        if _flag(values, "dry_run"):
            plan = services.plan_import(rows=rows, replace=replace)
            return plan_json(plan, impact_of(plan))
        return plan_json(services.import_peers(actor=actor, rows=rows, replace=replace))

    def do_export(self, actor: Actor, values: Values) -> Reply:
        form = format_named(str(values.get("format")))
        return {"content": write(form, selectors.list_states()).decode()}

    def _set_enabled(self, actor: Actor, values: Values, *, enabled: bool) -> Reply:
        services.set_peers_enabled(actor=actor, peer_ids=[_name(values)], enabled=enabled)
        return peer_json(selectors.get_state(_name(values)))


def _with_presence(states: Sequence[PeerState]) -> list[dict[str, Any]]:
    """Peers with who of them is connected now, when each was seen last, and what other apps know of them."""
    found = presence(state.peer_id for state in states)
    beside = told_beside(state.peer_id for state in states)
    return [
        {**peer_json(state), "presence": presence_json(found[state.peer_id]), **beside[state.peer_id]}
        for state in states
    ]


def _name(values: Values) -> str:
    name = values.get("peer_id")
    if not isinstance(name, str) or not name:
        raise BadRequest("peer_id", "A peer needs a name.")
    return name


def _content(values: Values) -> bytes:
    try:
        return base64.b64decode(str(values.get("content", "")), validate=True)
    except binascii.Error:
        raise BadRequest("content", "A file in base64.") from None


def _known(values: Values, *names: str) -> None:
    for name in values.keys() - set(names):
        raise BadRequest(name, "There is no such field.")


def _text(values: Values, name: str) -> str:
    text = values.get(name)
    if not isinstance(text, str):
        raise BadRequest(name, "A text.")
    return text


def _end(values: Values) -> float | None:
    seconds, end = _seconds(values, "seconds"), values.get("expires_at")
    if seconds is None:
        return end  # the services look at it
    if end is not None:
        raise BadRequest("seconds", "Either seconds or expires_at.")
    return time.time() + seconds


def _seconds(values: Values, name: str) -> float | None:
    span = values.get(name)
    if span is None:
        return None
    if not isinstance(span, int | float) or isinstance(span, bool) or not math.isfinite(span) or span < 0:
        raise BadRequest(name, "A number of seconds.")
    return float(span)


def _flag(values: Values, name: str) -> bool | None:
    flag = values.get(name)
    if flag is not None and not isinstance(flag, bool):
        raise BadRequest(name, "True or false.")
    return flag


def _draft(values: Values, *others: str) -> dict[str, Any]:
    """The fields of a draft that were given. What nobody knows is refused, not dropped."""
    _known(values, *_DRAFT, *others)
    return {name: values[name] for name in _DRAFT if name in values}


def _with_token(actor: Actor, peer_id: str, *, wanted: bool | None) -> Reply:
    """The peer's JSON after its token was made (shown this once), taken away, or left alone."""
    made: dict[str, Any] = {}
    if wanted:
        made["token"] = services.issue_peer_token(actor=actor, peer_id=peer_id)
    elif wanted is False:
        services.clear_peer_token(actor=actor, peer_id=peer_id)
    return peer_json(selectors.get_state(peer_id)) | made
