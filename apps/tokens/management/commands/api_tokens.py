"""`manage.py api_tokens`: the command line's door to the tokens of REST (alknet_site.json_command)."""

from collections.abc import Mapping
from typing import Any

from alknet_site.json_command import BadRequest, JsonCommand, Reply
from apps.audit.actors import Actor
from apps.tokens import selectors, services
from apps.tokens.errors import Absent, InvalidToken
from apps.tokens.json_forms import token_json

Values = Mapping[str, Any]
_FIELDS = ("name", "rights", "owner", "expires_at", "networks")


class Command(JsonCommand):
    help = "Read and change API tokens: one JSON object on stdin, one on stdout."
    refusals = (InvalidToken, Absent)
    actions = ("create", "list", "revoke")

    def do_create(self, actor: Actor, values: Values) -> Reply:
        """The reply holds `token`, this once."""
        for name in values:
            if name not in _FIELDS:
                raise BadRequest(name, "There is no such field.")
        new = services.create_token(
            actor=actor,
            name=values.get("name") or "",
            rights=values.get("rights") or [],
            owner=values.get("owner") or "",
            expires_at=values.get("expires_at"),
            networks=values.get("networks") or [],
        )
        return token_json(new.facts) | {"token": new.text}

    def do_list(self, actor: Actor, values: Values) -> Reply:
        return [token_json(token) for token in selectors.list_tokens()]

    def do_revoke(self, actor: Actor, values: Values) -> Reply:
        token_id = values.get("id")
        if not isinstance(token_id, str) or not token_id:
            raise BadRequest("id", "A token is named by its id; the list shows them.")
        (token,) = selectors.get_tokens([token_id])
        services.revoke_tokens(actor=actor, ids=[token_id])
        return token_json(token)
