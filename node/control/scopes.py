"""`node/scopes`: what the operations of this node ask of their callers, so that people need not guess it."""

from collections.abc import Iterable, Sequence
from typing import Any

from node.control.administrator import MAY_ADMINISTER
from node.control.limits import MAX_INPUT
from node.handlers.call.operation import Operation, OperationContext, Visibility

MAX_ASKED = 1_000
"""Scopes, and kinds of resource, that one answer has."""
MAX_NAMED = 3
"""Operations that are named with each; of more their number is told."""


def scope_operations(operations: Iterable[Operation]) -> Sequence[Operation]:
    """What the control socket tells of `operations`, those that peers call."""

    async def asked(_: Any, __: OperationContext) -> dict[str, Any]:
        return asked_by(operations)

    return [Operation("node/scopes", asked, access=MAY_ADMINISTER, max_input=MAX_INPUT)]


def asked_by(operations: Iterable[Operation]) -> dict[str, Any]:
    """`scopes` and `resources`, each sorted by its name, with those that ask for it. Internal operations ask nobody."""
    scopes: dict[str, list[str]] = {}
    kinds: dict[str, list[str]] = {}
    actions: dict[str, set[str]] = {}
    for operation in operations:
        if operation.visibility is not Visibility.EXTERNAL:
            continue
        access = operation.access
        for scope in dict.fromkeys((*access.required_scopes, *(access.required_scopes_any or ()))):
            scopes.setdefault(scope, []).append(operation.name)
        if (kind := access.resource_type) is not None:
            kinds.setdefault(kind, []).append(operation.name)
            actions.setdefault(kind, set()).update([access.resource_action] if access.resource_action else [])
    return {
        "scopes": [{"scope": name, **_by(scopes[name])} for name in sorted(scopes)[:MAX_ASKED]],
        "resources": [
            {"kind": kind, "actions": sorted(actions[kind])[:MAX_NAMED], **_by(kinds[kind])}
            for kind in sorted(kinds)[:MAX_ASKED]
        ],
    }


def _by(names: list[str]) -> dict[str, Any]:
    return {"operations": sorted(names)[:MAX_NAMED], "count": len(names)}
