"""What would help whoever is refused: the narrowest grant that changes the answer, or what has to be done instead."""

import time
from dataclasses import asdict, dataclass

from apps.access import selectors, services
from node.core.access import AccessControl, check_access
from node.core.explain import Explanation, Question, Rule, SubjectKind
from node.core.grants import InvalidGrant
from node.core.identity import Identity

_HOUR = 3600.0
_INSTEAD = {
    Rule.LOCK: "A grant does not lift a lock. Lift it, where it is no longer needed.",
    Rule.EXPIRED: "Nothing can be granted to what has expired. Give it a later end first.",
    Rule.DISABLED: "Nothing can be granted to a disabled peer. Enable it first.",
    Rule.CONTESTED: "What it shows is another peer’s. Give each key to one peer first.",
    Rule.NO_PROOF: "It has nothing to show. Give it a key or a token first.",
    Rule.UNKNOWN: "Nothing can be granted to whom nobody knows. Add the peer, admit its key or invite it first.",
    Rule.ANONYMOUS: "Nothing can be granted to strangers. Ask about a peer.",
}


@dataclass(frozen=True, slots=True)
class Offer:
    """Exactly what the peer lacks for what was asked."""

    peer_id: str
    scopes: list[str]
    resource_type: str
    resource: str

    @property
    def gives(self) -> list[str]:
        """Each right by itself, in words."""
        resource = [f"the resource {self.resource_type}/{self.resource}"] if self.resource_type else []
        return [*(f"the scope {scope}" for scope in self.scopes), *resource]


def offer(asked: Question, found: Explanation) -> Offer | str:
    """The grant that would change this refusal, or in a sentence what would help instead; "" where all is allowed."""
    if found.allowed:
        return ""
    if found.rule not in (Rule.SCOPE, Rule.RESOURCE):
        return _INSTEAD.get(found.rule, "")
    if asked.subject.kind is SubjectKind.API_KEY:
        return "Nothing can be granted to an API key. Make another with the scopes that are needed."
    if asked.subject.kind is SubjectKind.PEER and asked.subject.name != found.who:
        return _INSTEAD[Rule.CONTESTED]
    identity = selectors.index_of(asked.subject, time.time()).identity_of(found.who)
    return _narrow(asked, identity) if identity is not None else ""


def _narrow(asked: Question, identity: Identity) -> Offer | str:
    control = asked.control
    scopes = [scope for scope in control.required_scopes if scope not in identity.scopes]
    resource = AccessControl((), None, control.resource_type, control.resource_action)
    lacks = not check_access(resource, identity).allowed
    if lacks and not (control.resource_type and control.resource_action):
        return "A grant is for one resource, never for a whole kind. Ask about one by its name."
    kind, name = (control.resource_type or "", control.resource_action or "") if lacks else ("", "")
    found = Offer(identity.id, scopes, kind, name)
    try:
        row = services.plan_grant(**asdict(found), expires_at=time.time() + _HOUR)
    except InvalidGrant as error:
        return " ".join(text for texts in error.errors.values() for text in texts)
    then = selectors.check(asked, [row.core()])
    return found if then.allowed else f"A grant alone would not change it: {then.text}."
