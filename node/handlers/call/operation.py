"""Operations: what they are called, who may call them, and what runs (spec call §9, §12)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from node.core.access import AccessControl
from node.core.capabilities import NO_CAPABILITIES, Capabilities
from node.core.identity import AuthContext, Identity
from node.handlers.call.limits import MAX_FRAME

ANYBODY = AccessControl()
NEVER = "vault"
"""The namespace that nothing may have: no vault can be reached by a call, from anywhere (spec vault §1)."""


class OperationType(StrEnum):
    """A query reads, a mutation changes, a subscription yields a stream of results."""

    QUERY = "query"
    MUTATION = "mutation"
    SUBSCRIPTION = "subscription"


class Visibility(StrEnum):
    """An internal operation can be composed by others, and looks to the wire as if it did not exist."""

    EXTERNAL = "external"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class OperationContext:
    """What a handler knows of its caller. `identity` was resolved for this request; `connection` is what TLS proved.

    `forwarded_for` is a claim of the caller, for logs; the access check cannot see it. `deadline` is in the loop's
    time, in seconds; a subscription has none. `capabilities` are the secrets that the settings give the protocol, as
    they were when the request came: ask anew for each request, and keep none.
    """

    request_id: str
    identity: Identity | None
    connection: AuthContext
    forwarded_for: Identity | None
    deadline: float | None
    capabilities: Capabilities = NO_CAPABILITIES


OperationHandler = Callable[[Any, OperationContext], Awaitable[Any] | AsyncIterator[Any]]
"""Takes the input and the context, gives the output (both JSON values), or raises CallError.

A subscription's is an async generator: each value that it yields is an item. It is closed when nobody wants more.
"""


@dataclass(frozen=True, slots=True)
class Operation:
    """One registered operation. `name` is `service/op`, without a leading slash; schemas are JSON Schema.

    `max_input` bounds the JSON text of an input in bytes; the value made of it can take many times as much memory.
    """

    name: str
    handler: OperationHandler
    op_type: OperationType = OperationType.QUERY
    visibility: Visibility = Visibility.EXTERNAL
    access: AccessControl = ANYBODY
    input_schema: Mapping[str, Any] = field(default_factory=dict)
    output_schema: Mapping[str, Any] = field(default_factory=dict)
    max_input: int = MAX_FRAME

    @property
    def namespace(self) -> str:
        return self.name.partition("/")[0]

    def summary(self) -> dict[str, Any]:
        return {"name": self.name, "namespace": self.namespace, "op_type": self.op_type.value}

    def schema(self) -> dict[str, Any]:
        """The spec as `services/schema` shows it: always these eight keys (spec call §15 T4)."""
        return self.summary() | {
            "visibility": self.visibility.value,
            "input_schema": dict(self.input_schema),
            "output_schema": dict(self.output_schema),
            "error_schemas": [],
            "access_control": {
                "required_scopes": list(self.access.required_scopes),
                "required_scopes_any": _listed(self.access.required_scopes_any),
                "resource_type": self.access.resource_type,
                "resource_action": self.access.resource_action,
            },
        }


class RegistrationError(RuntimeError):
    """An operation cannot be registered: a mistake in the assembly, found at start."""


class OperationRegistry:
    """The operations of a node by name. Filled at start, read afterwards."""

    def __init__(self) -> None:
        self._operations: dict[str, Operation] = {}

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations.values())

    def register(self, operation: Operation) -> None:
        """Raises RegistrationError on a taken, malformed or forbidden name."""
        segments = operation.name.split("/")
        if len(segments) < 2 or not all(segments):
            raise RegistrationError(f"{operation.name!r}: an operation is named service/op, without a leading slash")
        if operation.namespace == NEVER:
            raise RegistrationError(f"{operation.name!r}: the vault has no operations")
        if operation.name in self._operations:
            raise RegistrationError(f"{operation.name!r} is registered twice: rename one of the two")
        self._operations[operation.name] = operation

    def get(self, name: str) -> Operation | None:
        return self._operations.get(name)

    def external(self, name: str) -> Operation | None:
        """The operation as the wire may see it: an internal one does not exist there."""
        operation = self._operations.get(name)
        return operation if operation is not None and operation.visibility is Visibility.EXTERNAL else None


def _listed(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else list(names)
