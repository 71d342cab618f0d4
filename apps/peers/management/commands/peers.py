"""`manage.py peers`: the command line's door to the peers. One JSON object in, one out (alknet_site.json_command)."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from alknet_site.json_command import BadRequest, JsonCommand, Reply
from apps.activity.json_forms import presence_json
from apps.activity.selectors import presence
from apps.audit.actors import Actor
from apps.peers import selectors, services
from apps.peers.errors import Absent
from apps.peers.json_forms import peer_json
from apps.peers.portable.formats import format_named, read, write
from apps.peers.portable.json_forms import plan_json
from apps.peers.portable.rows import ImportRefused
from apps.peers.portable.text import MAX_FILE
from node.core.peers import InvalidPeer, PeerEntry

Values = Mapping[str, Any]

_DRAFT = ("keys", "scopes", "resources", "display_name", "enabled")


class Command(JsonCommand):
    help = "Read and change peers: one JSON object on stdin, one on stdout."
    refusals = (InvalidPeer, ImportRefused, Absent)
    actions = ("add", "show", "list", "set", "enable", "disable", "rename", "remove", "import", "export")
    max_input = 2 * MAX_FILE
    """A file comes in base64."""

    def do_add(self, actor: Actor, values: Values) -> Reply:
        draft = _draft(values, "peer_id", "token")
        with transaction.atomic():
            entry = services.create_peer(actor=actor, draft=draft | {"peer_id": values.get("peer_id")})
            return _with_token(actor, entry.peer_id, wanted=_flag(values, "token"))

    def do_show(self, actor: Actor, values: Values) -> Reply:
        return _with_presence([selectors.get_peer(_name(values))])[0]

    def do_list(self, actor: Actor, values: Values) -> Reply:
        search = values.get("search") or ""
        if not isinstance(search, str):
            raise BadRequest("search", "A text.")
        return _with_presence(selectors.list_peers(search=search, enabled=_flag(values, "enabled")))

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
            return peer_json(services.update_peer(actor=actor, peer_id=_name(values), changes=changes))
        except InvalidPeer as error:
            raise InvalidPeer({"new_peer_id": error.errors.get("peer_id", [str(error)])}) from None

    def do_remove(self, actor: Actor, values: Values) -> Reply:
        entry = selectors.get_peer(_name(values))
        services.remove_peers(actor=actor, peer_ids=[entry.peer_id])
        return peer_json(entry)

    def do_import(self, actor: Actor, values: Values) -> Reply:
        """`content` is the file in base64; with `dry_run` nothing is written."""
        form, replace = format_named(str(values.get("format"))), _flag(values, "replace") is True
        rows = read(form, _content(values))
        if _flag(values, "dry_run"):
            return plan_json(services.plan_import(rows=rows, replace=replace), done=False)
        return plan_json(services.import_peers(actor=actor, rows=rows, replace=replace), done=True)

    def do_export(self, actor: Actor, values: Values) -> Reply:
        form = format_named(str(values.get("format")))
        return {"content": write(form, selectors.list_peers()).decode()}

    def _set_enabled(self, actor: Actor, values: Values, *, enabled: bool) -> Reply:
        services.set_peers_enabled(actor=actor, peer_ids=[_name(values)], enabled=enabled)
        return peer_json(selectors.get_peer(_name(values)))


def _with_presence(entries: Sequence[PeerEntry]) -> list[dict[str, Any]]:
    """Peers with who of them is connected now, and when each was seen last."""
    found = presence(entry.peer_id for entry in entries)
    return [peer_json(entry) | {"presence": presence_json(found[entry.peer_id])} for entry in entries]


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


def _flag(values: Values, name: str) -> bool | None:
    flag = values.get(name)
    if flag is not None and not isinstance(flag, bool):
        raise BadRequest(name, "True or false.")
    return flag


def _draft(values: Values, *others: str) -> dict[str, Any]:
    """The fields of a draft that were given. What nobody knows is refused, not dropped."""
    for name in values:
        if name not in _DRAFT and name not in others:
            raise BadRequest(name, "There is no such field.")
    return {name: values[name] for name in _DRAFT if name in values}


def _with_token(actor: Actor, peer_id: str, *, wanted: bool | None) -> Reply:
    """The peer's JSON after its token was made (shown this once), taken away, or left alone."""
    made: dict[str, Any] = {}
    if wanted:
        made["token"] = services.issue_peer_token(actor=actor, peer_id=peer_id)
    elif wanted is False:
        services.clear_peer_token(actor=actor, peer_id=peer_id)
    return peer_json(selectors.get_peer(peer_id)) | made
