"""Who may do what: pure rules, decided in one place (spec call §12, decision 16)."""

from dataclasses import dataclass

from node.core.identity import Identity


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
    def _names_resource(self) -> bool:
        return self.resource_type is not None or self.resource_action is not None


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict; `message` is what the denied caller is told, in the exact words of the spec."""

    allowed: bool
    message: str = ""


_ALLOWED = Decision(allowed=True)


def check_access(control: AccessControl, identity: Identity | None) -> Decision:
    """Judge the direct caller; the first failing rule wins. Scopes compare exactly, without wildcards or hierarchy."""
    if control.unrestricted:
        return _ALLOWED
    if identity is None:
        return Decision(allowed=False, message="authentication required")
    denial = _scope_denial(control, identity) or _resource_denial(control, identity)
    return Decision(allowed=False, message=denial) if denial else _ALLOWED


def _scope_denial(control: AccessControl, identity: Identity) -> str | None:
    missing = next((scope for scope in control.required_scopes if scope not in identity.scopes), None)
    if missing is not None:
        return f"missing required scope: {missing}"
    choices = control.required_scopes_any
    if choices is not None and not any(scope in identity.scopes for scope in choices):
        return f"missing required scope (any of: {', '.join(choices)})"
    return None


def _resource_denial(control: AccessControl, identity: Identity) -> str | None:
    kind, action = control.resource_type, control.resource_action
    if kind is not None:
        held = identity.resources.get(kind, ())
        if action is not None and action not in held:
            return f"missing resource: {kind}/{action}"
        return None if held else f"missing resource: {kind}"
    if action is not None and not any(action in held for held in identity.resources.values()):
        return f"missing resource action: {action}"
    return None
