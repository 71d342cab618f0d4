"""`alknet node` with an operation that uses what its protocol may use, and shows a digest of it: never the secret.

Run as `python -m tests.support.digesting_node node …`.
"""

import hashlib
import importlib
from types import ModuleType
from typing import Any

import node.cli.node
from node.cli.main import main
from node.handlers.call.errors import CallError
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry

DIGEST = "test/digest"


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def digest(value: Any, context: OperationContext) -> str | None:
    """The digest of the secret of the provider that is asked for; null where the protocol has none."""
    if not isinstance(value, dict) or not isinstance(value.get("provider"), str):
        raise CallError("INVALID_INPUT", "name a provider")
    secret = context.capabilities.get(value["provider"])
    return None if secret is None else digest_of(secret.expose_secret())


def with_digest(name: str) -> ModuleType:
    """Import the assembly when the command does, for not before then its engine is chosen, and add the operation."""
    module = importlib.import_module(name)
    parts = importlib.import_module("node.assembly.node")
    make = parts.call_operations

    def operations(limits: CallLimits) -> OperationRegistry:
        made: OperationRegistry = make(limits)
        made.register(Operation(DIGEST, digest))
        return made

    parts.call_operations = operations  # type: ignore[attr-defined]  # of a module that is known by its name alone
    return module


if __name__ == "__main__":
    node.cli.node.import_module = with_digest
    main()
