"""Scopes of handlers, such as `ssh:exec:git-upload-pack`: one matcher, and one rule that uses it (decision 16).

What a peer has may have `*` in place of a field, which stands for any one; what is asked for never has. The call
protocol compares scopes exactly (node.core.access) and knows no `*`.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from node.core.access import AccessControl, Decision
from node.core.identity import Identity

ANY = "*"
HANDLERS = frozenset({"ssh", "sftp"})
"""First fields of the scopes that handlers ask for. All others are operations', and compared letter by letter."""
RESOURCES = frozenset({"bucket"})
"""Kinds of resources of which `*` is every one, to the handlers that ask for them."""
_ONE = r"\[[^\]]*\]|[^:\[\]]*"
"""One field: an IPv6 address in its brackets, or all up to the next colon."""
_FIELD = re.compile(f":({_ONE})")
_SCOPE = re.compile(f"(?:{_ONE})(?::(?:{_ONE}))*")
_SHORT = 300
"""Characters of a scope whose fields are kept in mind."""
_SHOWN = 200
"""Characters of a list or a name in an explanation."""


def fields(scope: str) -> tuple[str, ...] | None:
    """The fields of a scope; None where a bracket stands alone, or within a field."""
    return _known_fields(scope) if len(scope) <= _SHORT else _fields(scope)


def matches(pattern: str, scope: str) -> bool:
    """Whether what a peer has (`pattern`) covers what is asked for: as many fields, each the same or `*`."""
    if pattern == scope:
        return True
    has, asked = fields(pattern), fields(scope)
    if has is None or asked is None or len(has) != len(asked):
        return False
    return all(one in (ANY, other) for one, other in zip(has, asked, strict=True))


def covered_by(held: Iterable[str], scope: str) -> str | None:
    """The first of those that covers it."""
    return next((one for one in held if matches(one, scope)), None)


def is_of_handler(scope: str) -> bool:
    """Whether a handler asks for it, by this matcher."""
    return scope.partition(":")[0] in HANDLERS


def overlap(one: str, other: str) -> bool:
    """Whether there is a scope that both cover."""
    first, second = fields(one), fields(other)
    if first is None or second is None or len(first) != len(second):
        return False
    return all(a == b or ANY in (a, b) for a, b in zip(first, second, strict=True))


def written_out(identity: Identity, control: AccessControl) -> Identity:
    """With those of the scopes and the resource asked for that it has by a `*`: for who knows no `*`."""
    scopes = (*control.required_scopes, *(control.required_scopes_any or ()))
    wanted = [scope for scope in dict.fromkeys(scopes) if is_of_handler(scope)]
    may = [one for one in wanted if allowed_by_scope(identity, one).allowed]
    held = [one for one in identity.scopes if one not in wanted]
    locks = {one: identity.locked[lock] for one in wanted if (lock := covered_by(identity.locked, one)) is not None}
    kind, name, resources = control.resource_type, control.resource_action, dict(identity.resources)
    if kind in RESOURCES and name is not None and ANY in resources.get(kind, ()):
        resources[kind] = (*resources[kind], name)
    own = None if identity.own is None else written_out(identity.own, control)
    locked = {**identity.locked, **locks}
    return replace(identity, scopes=(*held, *may), resources=resources, locked=locked, own=own)


def allowed_by_scope(identity: Identity | None, scope: str) -> Decision:
    """Whether a peer has one scope that covers this, and by which. Nobody has none; what a lock covers, nobody has."""
    message = f"missing required scope: {_clipped(scope)}"
    if identity is None:
        return Decision(allowed=False, message="authentication required", explanation="the caller is anonymous")
    covering, locked = covered_by(identity.scopes, scope), covered_by(identity.locked, scope)
    if covering is not None and locked is None:
        return Decision(allowed=True, explanation=f"“{identity.id}” has {_clipped(covering)}")
    why = f"“{identity.id}” has these scopes: {_clipped(', '.join(identity.scopes)) or 'none'}"
    if locked is not None:
        words = identity.locked[locked]
        message, why = f"{message}; {words}", f"{why}; {_clipped(locked)} is {words}"
    return Decision(allowed=False, message=message, explanation=why)


def _fields(scope: str) -> tuple[str, ...] | None:
    return tuple(_FIELD.findall(f":{scope}")) if _SCOPE.fullmatch(scope) else None


_known_fields = lru_cache(maxsize=2048)(_fields)
"""The same are asked about again and again."""


def _clipped(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
