"""Operations: what they are called, who may call them, and what runs (spec call §9, §12)."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

import msgspec

from node.core.access import AccessControl
from node.core.capabilities import NO_CAPABILITIES, Capabilities
from node.core.identity import AuthContext, Identity
from node.core.ownership import OwnershipStore
from node.handlers.call.authority import NOTHING_IN_REACH, CompositionAuthority, Provenance, ScopedEnvironment
from node.handlers.call.call_tree import AbortPolicy, Call
from node.handlers.call.errors import (
    PROTOCOL_CODES,
    CallError,
    DeclaredError,
    ErrorCode,
    RegistrationError,
    invalid_input,
    undeclared,
)
from node.handlers.call.guard import guard_once, guard_stream
from node.handlers.call.limits import MAX_FRAME
from node.handlers.call.pointer import parse_pointer, text_at
from node.handlers.call.registration import check_codes, check_kind, check_name, check_provenance
from node.handlers.call.schemas import ANYTHING, Schema, SchemaError

if TYPE_CHECKING:
    from node.handlers.call.env import Environment

ANYBODY = AccessControl()


class OperationType(StrEnum):
    """A query reads, a mutation changes, a subscription yields a stream of results."""

    QUERY = "query"
    MUTATION = "mutation"
    SUBSCRIPTION = "subscription"


class Visibility(StrEnum):
    """An internal operation can be composed by others, and looks to the wire as if it did not exist."""

    EXTERNAL = "external"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True, weakref_slot=True)
class OperationContext:
    """What a handler knows of its caller. `identity` was resolved for this request; `connection` is what TLS proved.

    `forwarded_for` is a claim of the caller, for logs; the access check cannot see it. `deadline` is in the loop's
    time, in seconds, and None for a subscription. `capabilities` are the secrets that the settings give the protocol,
    as they were when the request came: ask anew for each request, and keep none.

    `handler_identity` is what the operation itself may have others do, within `scoped_env`; `ownership` is where it
    records what it made for the caller. `metadata` is the handler's own, and nobody inherits it. `internal` tells that
    another handler composed this call; no handler can set it, and no copy of a context can compose.
    """

    request_id: str
    identity: Identity | None
    connection: AuthContext
    forwarded_for: Identity | None
    deadline: float | None
    capabilities: Capabilities = NO_CAPABILITIES
    handler_identity: Identity | None = None
    scoped_env: ScopedEnvironment = NOTHING_IN_REACH
    ownership: OwnershipStore | None = None
    parent_request_id: str | None = None
    abort_policy: AbortPolicy = AbortPolicy.ABORT_DEPENDENTS
    metadata: dict[str, Any] = field(default_factory=dict)
    internal: bool = field(default=False, init=False)
    _call: Call | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def env(self) -> "Environment":
        """Has others run, within `scoped_env`: `await context.env.invoke("fs", "readFile", path, context)`."""
        return self.call.env

    @property
    def call(self) -> Call:
        """This call's place in the tree. Raises TypeError of a context that is none of the dispatcher's own."""
        if self._call is None or not self._call.belongs_to(self):
            raise TypeError("only the context that the handler was given can compose; a copy of it cannot")
        return self._call


OnceHandler = Callable[[Any, OperationContext], Awaitable[Any]]
"""Takes the input and the context, gives the output (both JSON values), or raises CallError."""
StreamHandler = Callable[[Any, OperationContext], AsyncGenerator[Any, None]]
"""The same for a subscription: an asynchronous generator function that yields outputs."""
OperationHandler = OnceHandler | StreamHandler


@dataclass(frozen=True, slots=True)
class _Compiled:
    """What is worked out once of an operation's declarations."""

    input: Schema
    output: Schema
    errors: Mapping[str, Schema]
    resource_id: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation and what belongs to it. `name` is `service/op`, without a leading slash; schemas are JSON Schema.

    `max_input` bounds the JSON text of an input in bytes; the value made of it can take many times as much memory.
    `resource_id_path` says where in the input the id of the resource stands that the caller must own (`$.containerId`).
    `explains_input` leaves it to the handler to say what is wrong with an input. Raises RegistrationError on a schema
    that does not compile. Those of another node are shown and not compiled: it checks by them itself, and could write
    one that is slow.
    """

    name: str
    handler: OperationHandler
    op_type: OperationType = OperationType.QUERY
    visibility: Visibility = Visibility.EXTERNAL
    access: AccessControl = ANYBODY
    input_schema: Mapping[str, Any] = field(default_factory=dict)
    output_schema: Mapping[str, Any] = field(default_factory=dict)
    max_input: int = MAX_FRAME
    error_schemas: tuple[DeclaredError, ...] = ()
    resource_id_path: str | None = None
    provenance: Provenance = Provenance.LOCAL
    authority: CompositionAuthority | None = None
    scoped_env: ScopedEnvironment | None = None
    explains_input: bool = False
    _compiled: _Compiled = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        compiled = _Compiled(
            input=self._schema(self.input_schema, "the schema of its input"),
            output=self._schema(self.output_schema, "the schema of its output"),
            errors={
                known.code: self._schema(known.schema, f"the schema of {known.code}") for known in self.error_schemas
            },
            resource_id=None if self.resource_id_path is None else parse_pointer(self.resource_id_path),
        )
        object.__setattr__(self, "_compiled", compiled)

    def _schema(self, document: Mapping[str, Any], what: str) -> Schema:
        if self.provenance is Provenance.FROM_CALL:
            return ANYTHING
        try:
            return Schema(document)
        except SchemaError as error:
            raise RegistrationError(f"{self.name!r}: {what} does not compile: {error}") from None

    @property
    def namespace(self) -> str:
        return self.name.partition("/")[0]

    @property
    def streams(self) -> bool:
        return self.op_type is OperationType.SUBSCRIPTION

    @property
    def once(self) -> OnceHandler:
        """The handler of a query or a mutation."""
        return cast("OnceHandler", self.handler)

    @property
    def stream(self) -> StreamHandler:
        """The handler of a subscription."""
        return cast("StreamHandler", self.handler)

    @property
    def handler_identity(self) -> Identity | None:
        """Whom the operations that this one composes see as their caller."""
        return None if self.authority is None else self.authority.as_identity()

    def resource_id(self, value: Any) -> str | None:
        """The id of the resource that an input names; None where it names none, which is no error by itself."""
        return text_at(value, self._compiled.resource_id)

    def check_input(self, value: Any) -> None:
        """Raises CallError INVALID_INPUT, which names the place of the first fault and never the value."""
        if not self.explains_input and (fault := self._compiled.input.fault(value)) is not None:
            raise invalid_input(fault)

    def check_output(self, value: Any) -> None:
        """Raises CallError INTERNAL where an output is not what was announced."""
        if (fault := self._compiled.output.fault(value)) is not None:
            raise CallError(ErrorCode.INTERNAL, f"the output does not fit its schema: {fault}")

    def check_details(self, error: CallError) -> None:
        """Raises CallError INTERNAL where the details of a declared error are not what was announced."""
        schema = self._compiled.errors.get(error.code)
        if schema is not None and (fault := schema.fault(details_of(error))) is not None:
            raise CallError(ErrorCode.INTERNAL, f"the details of {error.code} do not fit their schema: {fault}")

    def announced(self, error: CallError) -> CallError:
        """The error itself if its code is the protocol's or declared, else INTERNAL with the code in its details."""
        known = error.code in self._compiled.errors or error.code in PROTOCOL_CODES
        return error if known else undeclared(error)

    def guarded(self, *, development: bool) -> OperationHandler:
        """The handler, letting out what was announced only; in `development`, outputs that fit their schema only."""
        if self.streams:
            return guard_stream(self, self.stream, development=development)
        return guard_once(self, self.once, development=development)

    def summary(self) -> dict[str, Any]:
        return {"name": self.name, "namespace": self.namespace, "op_type": self.op_type.value}

    def schema(self) -> dict[str, Any]:
        """The spec as `services/schema` shows it: always these eight keys (spec call §15 T4)."""
        return self.summary() | {
            "visibility": self.visibility.value,
            "input_schema": dict(self.input_schema),
            "output_schema": dict(self.output_schema),
            "error_schemas": [known.to_json() for known in self.error_schemas],
            "access_control": {
                "required_scopes": list(self.access.required_scopes),
                "required_scopes_any": _listed(self.access.required_scopes_any),
                "resource_type": self.access.resource_type,
                "resource_action": self.access.resource_action,
            },
        }


class OperationRegistry:
    """The operations of a node by name. Filled at start, read afterwards.

    `ownership` is what callers own here. In `development`, outputs are checked against their schemas.
    """

    def __init__(self, ownership: OwnershipStore | None = None, *, development: bool = False) -> None:
        self.ownership = ownership
        self._development = development
        self._operations: dict[str, Operation] = {}

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations.values())

    def register(self, operation: Operation) -> None:
        """Raises RegistrationError, whose sentence says what to mend."""
        check_name(operation.name)
        if operation.name in self._operations:
            raise RegistrationError(f"{operation.name!r} is registered twice: rename one of the two")
        check_kind(operation.name, operation.handler, streams=operation.streams)
        check_codes(operation.name, operation.error_schemas)
        composes = operation.authority is not None or operation.scoped_env is not None
        external = operation.visibility is Visibility.EXTERNAL
        check_provenance(operation.name, operation.provenance, composes=composes, external=external)
        handler = operation.guarded(development=self._development)
        self._operations[operation.name] = replace(operation, handler=handler)

    def get(self, name: str) -> Operation | None:
        return self._operations.get(name)

    def external(self, name: str) -> Operation | None:
        """The operation as the wire may see it: an internal one does not exist there."""
        operation = self._operations.get(name)
        return operation if operation is not None and operation.visibility is Visibility.EXTERNAL else None


def details_of(error: CallError) -> Any:
    """None where there are none: a schema that asks for details is not met then."""
    return None if error.details is msgspec.UNSET else error.details


def _listed(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else list(names)
