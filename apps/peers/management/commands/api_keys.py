"""`manage.py api_keys`: the command line's door to the API keys (alknet_site.json_command)."""

from collections.abc import Mapping
from typing import Any

from alknet_site.json_command import BadRequest, JsonCommand, Reply
from apps.audit.actors import Actor
from apps.peers import selectors, services
from apps.peers.errors import Absent
from apps.peers.json_forms import api_key_json
from node.core.peers import InvalidPeer

Values = Mapping[str, Any]


class Command(JsonCommand):
    help = "Read and change API keys: one JSON object on stdin, one on stdout."
    refusals = (InvalidPeer, Absent)
    actions = ("add", "list", "remove")

    def do_add(self, actor: Actor, values: Values) -> Reply:
        """The reply holds `key`, this once."""
        for name in values:
            if name not in ("description", "scopes", "expires_at"):
                raise BadRequest(name, "There is no such field.")
        new = services.create_api_key(
            actor=actor,
            description=values.get("description") or "",
            scopes=values.get("scopes") or [],
            expires_at=values.get("expires_at"),
        )
        return api_key_json(new.entry) | {"key": new.secret}

    def do_list(self, actor: Actor, values: Values) -> Reply:
        return [api_key_json(entry) for entry in selectors.list_api_keys()]

    def do_remove(self, actor: Actor, values: Values) -> Reply:
        prefix = values.get("prefix")
        if not isinstance(prefix, str) or not prefix:
            raise BadRequest("prefix", "An API key is named by its prefix, such as alk_1a2b.")
        entry = selectors.get_api_keys([prefix])[0]
        services.remove_api_keys(actor=actor, prefixes=[prefix])
        return api_key_json(entry)
