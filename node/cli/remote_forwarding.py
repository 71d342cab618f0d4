"""Rules of forwarding by REST, as `manage.py forwarding` answers: the actions of `alknet --remote … forwarding`."""

from collections.abc import Callable, Mapping
from typing import Any

from node.cli.options import fail
from node.cli.remote_forms import Values, fields, plain
from node.client.rest import RestClient
from node.core.text import printable

SHORTEST = 4
"""Characters of an id that may stand for all of it."""


def _whole(client: RestClient, beginning: str) -> str:
    """The id of the one rule that begins so."""
    known = [rule.id for rule in client.forwarding_rules()]
    found = [name for name in known if name == beginning]
    if not found and len(beginning) >= SHORTEST:
        found = [name for name in known if name.startswith(beginning)]
    if len(found) != 1:
        told = "More than one forwarding rule begins with" if found else "There is no forwarding rule"
        fail(printable(f"{told} “{beginning}”."))
    return found[0]


def _change(client: RestClient, values: Values) -> Any:
    return plain(client.change_forwarding_rule(_whole(client, values["id"]), fields(values, "id")))


def _remove(client: RestClient, values: Values) -> Any:
    client.remove_forwarding_rule(_whole(client, values["id"]))
    return {"removed": 1}


ACTIONS: Mapping[tuple[str, str], Callable[[RestClient, Values], Any]] = {
    ("forwarding", "list"): lambda client, _: [plain(rule) for rule in client.forwarding_rules()],
    ("forwarding", "add"): lambda client, values: plain(client.add_forwarding_rule(values)),
    ("forwarding", "change"): _change,
    ("forwarding", "remove"): _remove,
    ("forwarding", "check"): lambda client, values: client.check_forwarding(values),
}
