"""Who may do what: pure rules, decided in one place (spec call §12, decision 16).

Each step of the check gives its words for the denied, which are the spec's and go over the wire, and an explanation
for whoever runs the node, which names what the caller has and never leaves it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from node.core.identity import Identity
from node.core.ownership import OwnershipProvider

_SHOWN = 200
"""Characters of one list or name in an explanation: a caller chooses the ids of resources."""


@dataclass(frozen=True, slots=True)
class AccessControl:
    """What an operation asks of its caller. All four empty: anybody may, the anonymous included.

    `required_scopes_any` = None asks nothing; an empty tuple denies everyone.
    """

    required_scopes: tuple[str, ...] = ()
    required_scopes_any: tuple[str, ...] | None = None
    resource_type: str | None = None
    resource_action: str | None = None

    @property
    def unrestricted(self) -> bool:
        return not self.required_scopes and self.required_scopes_any is None and not self._names_resource

    @property
    def of_scopes(self) -> "AccessControl":
        """The part that `check_scopes` judges."""
        return replace(self, resource_type=None, resource_action=None)

    @property
    def _names_resource(self) -> bool:
        return self.resource_type is not None or self.resource_action is not None


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict. `message` is what the denied caller is told, in the exact words of the spec.

    `explanation` is for the node's own people: why, in a sentence, with what the caller has.
    """

    allowed: bool
    message: str = ""
    explanation: str = ""


def check_access(
    control: AccessControl,
    identity: Identity | None,
    resource_id: str | None = None,
    ownership: OwnershipProvider | None = None,
) -> Decision:
    """Judge the direct caller; the first failing step wins. Scopes compare exactly, without wildcards or hierarchy.

    With an `ownership` provider, an operation on a type of resource is judged by who owns `resource_id`, or by whether
    the caller owns any, where there is no id; without one, by the resources that the caller's entry names.
    """
    decision = check_scopes(control, identity)
    if not decision.allowed or identity is None or not control._names_resource:
        return decision
    if ownership is not None and control.resource_type is not None:
        return _ownership(identity, control.resource_type, resource_id, control.resource_action, ownership)
    return _resources(control, identity)


def check_scopes(control: AccessControl, identity: Identity | None) -> Decision:
    """The first four steps: those that need nothing of the request but its caller."""
    if control.unrestricted:
        return _allowed("anybody may: nothing is asked")
    if identity is None:
        return _denied("authentication required", "the caller is anonymous, and something is asked of callers")
    missing = next((scope for scope in control.required_scopes if scope not in identity.scopes), None)
    if missing is not None:
        return _without(f"missing required scope: {missing}", identity, [missing], _scopes_of(identity))
    choices = control.required_scopes_any
    if choices is not None and not any(scope in identity.scopes for scope in choices):
        why = _scopes_of(identity) if choices else "is refused like everybody: the list to choose from is empty"
        return _without(f"missing required scope (any of: {', '.join(choices)})", identity, choices, why)
    return _allowed(f"“{identity.id}” has every scope that is asked for")


def _ownership(
    identity: Identity, kind: str, resource_id: str | None, action: str | None, ownership: OwnershipProvider
) -> Decision:
    if resource_id is None:
        if ownership.owns_any(identity, kind):
            return _allowed(f"the request names no {kind}, and “{identity.id}” owns one")
        return _denied(f"no owned resources of type: {kind}", f"“{identity.id}” owns no {kind}")
    named = f"{kind}/{_clipped(resource_id)}"
    if ownership.owns(identity, kind, resource_id, action):
        return _allowed(f"“{identity.id}” owns {named}")
    return _denied(f"not owner of resource: {kind}/{resource_id}", f"“{identity.id}” does not own {named}")


def _resources(control: AccessControl, identity: Identity) -> Decision:
    kind, action = control.resource_type, control.resource_action
    if kind is None:
        if any(action in held for held in identity.resources.values()):
            return _allowed(f"“{identity.id}” may {action} some resource")
        return _denied(f"missing resource action: {action}", f"no resource of “{identity.id}” lists {action}")
    held = identity.resources.get(kind, ())
    has = f"“{identity.id}” has for {kind}: {_listed(held)}"
    if action is not None:
        return _allowed(has) if action in held else _denied(f"missing resource: {kind}/{action}", has)
    return _allowed(has) if held else _denied(f"missing resource: {kind}", has)


def _allowed(explanation: str) -> Decision:
    return Decision(allowed=True, explanation=explanation)


def _denied(message: str, explanation: str) -> Decision:
    return Decision(allowed=False, message=message, explanation=explanation)


def _without(message: str, identity: Identity, asked: Iterable[str], why: str) -> Decision:
    """A denial for want of one of the scopes `asked`: with the words of its lock, where the caller has it but for that.

    The spec's words come first, so that whoever reads these goes on doing so.
    """
    locked = next((scope for scope in asked if scope in identity.locked), None)
    if locked is None:
        return _denied(message, f"“{identity.id}” {why}")
    words = identity.locked[locked]
    return _denied(f"{message}; {words}", f"“{identity.id}” {why}; {_clipped(locked)} is {words}")


def _scopes_of(identity: Identity) -> str:
    return f"has these scopes: {_listed(identity.scopes)}"


def _listed(names: Iterable[str]) -> str:
    return _clipped(", ".join(names)) or "none"


def _clipped(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
