"""Tokens of the API, credentials and users by REST, as `manage.py api_tokens`, `credentials` and `users` answer."""

from collections.abc import Callable, Mapping
from typing import Any

from node.cli.remote_forms import Values, fields, plain
from node.client.rest import RestClient


def _create(client: RestClient, values: Values) -> Any:
    """Without an owner it is whoever owns the token that asks: to bind one to nobody, or to another, takes more."""
    owner = {"owner": values["owner"]} if values.get("owner") else {}
    return plain(client.create_token(fields(values, "owner") | owner))


def _tokens(client: RestClient, _: Values) -> Any:
    """By name."""
    return [plain(token) for token in sorted(client.tokens(), key=lambda token: (token.name, token.id))]


def _revoke(client: RestClient, values: Values) -> Any:
    token = client.token(values["id"])
    client.revoke_token(token.id)
    return plain(token)


def _remove(client: RestClient, values: Values) -> Any:
    found = client.credential(values["provider"])
    client.remove_credential(found.provider)
    return plain(found)


def _rotate(client: RestClient, values: Values) -> Any:
    """All in one request: no step is told."""
    providers = None if values.get("provider") is None else [values["provider"]]
    return client.rotate_credentials(providers, values.get("to"))


ACTIONS: Mapping[tuple[str, str], Callable[[RestClient, Values], Any]] = {
    ("api_tokens", "create"): _create,
    ("api_tokens", "list"): _tokens,
    ("api_tokens", "revoke"): _revoke,
    ("credentials", "set"): lambda client, values: plain(client.set_credential(values["provider"], values["content"])),
    ("credentials", "list"): lambda client, _: [plain(one) for one in client.credentials()],
    ("credentials", "rotate"): _rotate,
    ("credentials", "remove"): _remove,
    ("users", "list"): lambda client, _: [plain(user) for user in client.users()],
}
"""By the names of the management commands. Users are changed on the machine, and so is everything of backups."""
