"""`manage.py forwarding`: the command line's door to the rules of forwarding (alknet_site.json_command)."""

from collections.abc import Mapping
from typing import Any

from alknet_site.json_command import BadRequest, JsonCommand, Reply
from apps.audit.actors import Actor
from apps.forwarding import selectors, services
from apps.forwarding.errors import Absent, InvalidQuestion
from apps.forwarding.json_forms import answer_json, listed_json, rule_json
from apps.forwarding.tester import answer, question
from node.core.forwarding.rules import InvalidRule

Values = Mapping[str, Any]
_FIELDS = frozenset({"action", "target", "principals", "transports", "directions", "note", "position"})
_ASKED = frozenset({"peer_id", "target", "direction", "transport"})


class Command(JsonCommand):
    help = "Add, list, change, move and remove rules of forwarding: one JSON object on stdin, one on stdout."
    refusals = (InvalidRule, InvalidQuestion, Absent)
    actions = ("list", "add", "change", "remove", "check")

    def do_list(self, actor: Actor, values: Values) -> Reply:
        return listed_json(selectors.list_rules())

    def do_add(self, actor: Actor, values: Values) -> Reply:
        wish = {"action": "", "target": ""} | _known(values, _FIELDS)
        return rule_json(services.add_rule(actor=actor, **wish))

    def do_change(self, actor: Actor, values: Values) -> Reply:
        """`position` moves it."""
        wish = _known({name: value for name, value in values.items() if name != "id"}, _FIELDS)
        return rule_json(services.change_rule(actor=actor, rule_id=_id(values), **wish))

    def do_remove(self, actor: Actor, values: Values) -> Reply:
        return {"removed": services.remove_rules(actor=actor, rule_ids=[_id(values)])}

    def do_check(self, actor: Actor, values: Values) -> Reply:
        asked = {"peer_id": "", "target": "", "direction": "local", "transport": "quic"} | _known(values, _ASKED)
        for name, value in asked.items():
            if not isinstance(value, str):
                raise BadRequest(name, "A text.")
        return answer_json(answer(question(**asked)))


def _id(values: Values) -> str:
    """The whole id of what begins so. Raises BadRequest, Absent."""
    beginning = values.get("id")
    if not isinstance(beginning, str) or not beginning:
        raise BadRequest("id", "Which rule? The list shows their ids.")
    return str(selectors.find_rule(beginning).pk)


def _known(values: Values, fields: frozenset[str]) -> dict[str, Any]:
    for name in values.keys() - fields:
        raise BadRequest(name, "There is no such field.")
    position = values.get("position")
    if position is not None and (not isinstance(position, int) or isinstance(position, bool)):
        raise BadRequest("position", "A number.")
    return dict(values)
