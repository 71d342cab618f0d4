"""Whether a request may run: the access check, then its input (spec call §6, c and d).

In two steps, for an input is read only once its caller may have it read: what the scopes alone refuse costs no more
than the bytes that it came in.
"""

import logging
from collections.abc import Callable
from typing import Any

from node.core import current
from node.core.access import AccessControl, Decision, check_access, check_scopes
from node.core.identity import Identity
from node.core.ownership import OwnershipStore
from node.handlers.call.errors import forbidden
from node.handlers.call.operation import Operation

Told = Callable[[str, Identity | None, Decision], None]
"""Hears of each denial: the operation's name, who was denied, and why. It must not raise."""

logger = logging.getLogger(__name__)


def nobody_hears(_operation: str, _caller: Identity | None, _decision: Decision) -> None:
    """Denials are in the log in any case."""


def admit(
    operation: Operation,
    identity: Identity | None,
    ownership: OwnershipStore | None = None,
    told: Told = nobody_hears,
) -> None:
    """Judge what can be judged without the input. Raises CallError FORBIDDEN."""
    owned = _owned(operation, ownership)
    check = check_access if owned is None else check_scopes
    _enforce(operation, identity, check(operation.access, identity), told)
    if identity is not None and identity.own is not None:
        _note(operation.access if owned is None else operation.access.of_scopes, identity)


def accept(
    operation: Operation,
    value: Any,
    identity: Identity | None,
    ownership: OwnershipStore | None = None,
    told: Told = nobody_hears,
) -> None:
    """Judge the rest, of a caller that was admitted. Raises CallError FORBIDDEN, then INVALID_INPUT."""
    owned = _owned(operation, ownership)
    if owned is not None:
        named = operation.resource_id(value)
        _enforce(operation, identity, check_access(operation.access, identity, named, owned), told)
    operation.check_input(value)


def _note(control: AccessControl, identity: Identity) -> None:
    """Remember of the connection what a grant has let through on it, so that it ends with the grant."""
    if (carried := current.carried.get()) is not None:
        carried.note(identity, control)


def _owned(operation: Operation, ownership: OwnershipStore | None) -> OwnershipStore | None:
    """Who owns what counts for operations that say where in their input the resource is named (decision 31).

    For any other with a type of resource, it is the resources of the caller's entry that count.
    """
    return ownership if operation.resource_id_path is not None else None


def _enforce(operation: Operation, identity: Identity | None, decision: Decision, told: Told) -> None:
    if decision.allowed:
        return
    facts = {"operation": operation.name, "message_sent": decision.message, "explanation": decision.explanation}
    logger.info("call refused", extra={**facts, "peer_id": identity.id if identity else None})
    told(operation.name, identity, decision)
    raise forbidden(decision.message)
