"""Invitations and claims by REST, as `manage.py invites` answers."""

from collections.abc import Callable, Mapping
from typing import Any

from node.cli.options import fail
from node.cli.remote_forms import Values, fields, plain
from node.client.rest import RestClient
from node.core.text import printable


def _invites(client: RestClient, _: Values) -> Any:
    """The newest first."""
    found = sorted(client.invites(), key=lambda invite: invite.created_at, reverse=True)
    return [plain(invite) for invite in found]


def _revoke(client: RestClient, values: Values) -> Any:
    client.revoke_invite(values["id"])
    return plain(client.find_invite(values["id"]))


def _claims(client: RestClient, _: Values) -> Any:
    """What has waited longest first."""
    return [plain(claim) for claim in sorted(client.claims(), key=lambda claim: (claim.at, claim.id))]


def _approve(client: RestClient, values: Values) -> Any:
    return plain(client.approve_claim(_claim(client, values["id"]), fields(values, "id")))


def _refuse(client: RestClient, values: Values) -> Any:
    return plain(client.refuse_claim(_claim(client, values["id"])))


def _claim(client: RestClient, text: str) -> str:
    """By a beginning that only one claim has."""
    found = [claim.id for claim in client.claims() if claim.id.startswith(text)] if len(text) >= SHORTEST else []
    if len(found) != 1:
        fail(printable(f"There is no claim “{text}”."))
    return found[0]


SHORTEST = 4
"""Characters of an id that may stand for all of it, as on the machine itself."""
ACTIONS: Mapping[str, Callable[[RestClient, Values], Any]] = {
    "invite": lambda client, values: plain(client.invite(values)),
    "list": _invites,
    "revoke": _revoke,
    "claims": _claims,
    "approve": _approve,
    "refuse": _refuse,
}
"""By the names of the management command."""
