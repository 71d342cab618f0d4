"""`manage.py users`: the command line's door to the users of the panel (alknet_site.json_command)."""

from collections.abc import Mapping
from typing import Any

from alknet_site.json_command import BadRequest, JsonCommand, Reply
from apps.accounts import selectors, services
from apps.accounts.errors import Refused
from apps.accounts.rights import Role
from apps.accounts.sign_in.sessions import end_sessions, reset_second_factors
from apps.audit.actors import Actor

Values = Mapping[str, Any]


class Command(JsonCommand):
    help = "Read and change the users of the panel: one JSON object on stdin, one on stdout."
    refusals = (Refused,)
    actions = ("list", "add", "role", "enable", "disable", "remove", "password", "reset_mfa", "end_sessions")

    def do_list(self, actor: Actor, values: Values) -> Reply:
        return [selectors.user_json(user) for user in selectors.list_users()]

    def do_add(self, actor: Actor, values: Values) -> Reply:
        name = _name(values)
        services.create_user(actor=actor, username=name, role=_role(values), password=_password(values))
        return _shown(name)

    def do_role(self, actor: Actor, values: Values) -> Reply:
        services.change_user(actor=actor, username=_name(values), role=_role(values))
        return _shown(_name(values))

    def do_enable(self, actor: Actor, values: Values) -> Reply:
        services.change_user(actor=actor, username=_name(values), enabled=True)
        return _shown(_name(values))

    def do_disable(self, actor: Actor, values: Values) -> Reply:
        services.change_user(actor=actor, username=_name(values), enabled=False)
        return _shown(_name(values))

    def do_remove(self, actor: Actor, values: Values) -> Reply:
        removed = _shown(_name(values))
        services.remove_users(actor=actor, usernames=[_name(values)])
        return removed

    def do_password(self, actor: Actor, values: Values) -> Reply:
        services.set_password(actor=actor, username=_name(values), password=_password(values))
        return _shown(_name(values))

    def do_reset_mfa(self, actor: Actor, values: Values) -> Reply:
        count = reset_second_factors(actor=actor, username=_name(values))
        return _shown(_name(values)) | {"second_factors": count}

    def do_end_sessions(self, actor: Actor, values: Values) -> Reply:
        count = end_sessions(actor=actor, username=_name(values))
        return _shown(_name(values)) | {"sessions": count}


def _shown(username: str) -> dict[str, Any]:
    return selectors.user_json(selectors.get_user(username))


def _name(values: Values) -> str:
    return _text(values, "username")


def _password(values: Values) -> str:
    return _text(values, "password")


def _text(values: Values, name: str) -> str:
    text = values.get(name)
    if not isinstance(text, str) or not text:
        raise BadRequest(name, "A text.")
    return text


def _role(values: Values) -> Role:
    role = values.get("role")
    if role not in list(Role):
        raise BadRequest("role", f"One of: {', '.join(Role)}.")
    return Role(role)
