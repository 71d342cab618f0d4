"""`manage.py invites`: the command line's door to invitations and claims (alknet_site.json_command)."""

from collections.abc import Mapping
from typing import Any

from alknet_site.json_command import BadRequest, JsonCommand, Reply
from apps.audit.actors import Actor
from apps.enrolment import selectors, services
from apps.enrolment.errors import Absent, Conflict, InvalidInvite, NodeUnavailable
from apps.enrolment.json_forms import claim_json, invite_json
from apps.enrolment.place import node_place
from node.core.peers import InvalidPeer

Values = Mapping[str, Any]

_INVITE = frozenset(
    {"peer_id", "scopes", "resources", "uses", "seconds", "needs_approval", "peer_expires_at", "peer_seconds", "note"}
)
_RIGHTS = frozenset({"peer_id", "scopes", "resources"})


class Command(JsonCommand):
    help = "Make, list and revoke invitations, decide on claims: one JSON object on stdin, one on stdout."
    refusals = (InvalidInvite, InvalidPeer, Absent, Conflict, NodeUnavailable)
    actions = ("invite", "list", "revoke", "claims", "approve", "refuse")

    def do_invite(self, actor: Actor, values: Values) -> Reply:
        for name in values.keys() - _INVITE - {"address"}:
            raise BadRequest(name, "There is no such field.")
        address, node = node_place(_text(values, "address"))
        wish = {name: values[name] for name in _INVITE if name in values}
        new = services.create_invite(actor=actor, address=address, node=node, **wish)
        return invite_json(new.facts) | {"code": new.code.text(), "address": address}

    def do_list(self, actor: Actor, values: Values) -> Reply:
        return [invite_json(facts) for facts in selectors.list_invites()]

    def do_revoke(self, actor: Actor, values: Values) -> Reply:
        return invite_json(services.revoke_invite(actor=actor, invite_id=_text(values, "id")))

    def do_claims(self, actor: Actor, values: Values) -> Reply:
        return [claim_json(row) for row in selectors.list_claims()]

    def do_approve(self, actor: Actor, values: Values) -> Reply:
        rights = {name: values[name] for name in _RIGHTS if name in values}
        claim = services.approve(actor=actor, claim_id=_claim(values), sas=_text(values, "sas"), **rights)
        return claim_json(claim)

    def do_refuse(self, actor: Actor, values: Values) -> Reply:
        return claim_json(services.refuse(actor=actor, claim_id=_claim(values)))


def _claim(values: Values) -> str:
    """By its whole id, or by a beginning that only one has."""
    return str(selectors.find_claim_by_beginning(_text(values, "id")).pk)


def _text(values: Values, name: str) -> str:
    text = values.get(name, "")
    if not isinstance(text, str):
        raise BadRequest(name, "A text.")
    return text
