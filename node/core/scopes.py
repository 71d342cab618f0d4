"""Scopes of handlers, such as `ssh:exec:git-upload-pack`: one matcher, and one rule that uses it (decision 16).

What a peer has may have `*` in place of a field, which stands for any one; what is asked for never has. The call
protocol compares scopes exactly (node.core.access) and knows no `*`.
"""

import re
from functools import lru_cache

from node.core.access import Decision
from node.core.identity import Identity

ANY = "*"
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


def allowed_by_scope(identity: Identity | None, scope: str) -> Decision:
    """Whether a peer has one scope that covers this, and by which. Nobody has none."""
    message = f"missing required scope: {_clipped(scope)}"
    if identity is None:
        return Decision(allowed=False, message="authentication required", explanation="the caller is anonymous")
    covering = next((held for held in identity.scopes if matches(held, scope)), None)
    if covering is not None:
        return Decision(allowed=True, explanation=f"“{identity.id}” has {_clipped(covering)}")
    why = f"“{identity.id}” has these scopes: {_clipped(', '.join(identity.scopes)) or 'none'}"
    locked = next((held for held in identity.locked if matches(held, scope)), None)
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
