"""`manage.py access`: the command line's door to the access tester (alknet_site.json_command)."""

from collections.abc import Mapping
from typing import Any

from alknet_site.json_command import BadRequest, JsonCommand, Reply
from apps.access import selectors
from apps.access.json_forms import explanation_json
from apps.access.questions import InvalidQuestion, question
from apps.audit.actors import Actor

Values = Mapping[str, Any]
_TEXTS = ("who", "alpn", "resource_type", "resource")


class Command(JsonCommand):
    help = "May somebody do something, and why: one JSON object on stdin, one on stdout."
    refusals = (InvalidQuestion,)
    actions = ("check",)

    def do_check(self, actor: Actor, values: Values) -> Reply:
        for name in values.keys() - {*_TEXTS, "scopes"}:
            raise BadRequest(name, "There is no such field.")
        texts = {name: values.get(name, "") for name in _TEXTS}
        for name, text in texts.items():
            if not isinstance(text, str):
                raise BadRequest(name, "A text.")
        scopes = values.get("scopes", [])
        if not isinstance(scopes, list):
            raise BadRequest("scopes", "A list of texts.")
        return explanation_json(selectors.check(question(scopes=scopes, **texts)))
