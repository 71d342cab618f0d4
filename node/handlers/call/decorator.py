"""Operations out of functions: `@query("notes/get")` over one annotated `async def` makes the whole record.

    class Wanted(msgspec.Struct):
        title: str

    @query("notes/get", scopes=("notes:read",))
    async def get(wanted: Wanted) -> str:
        ...

The decorated name is an Operation then, ready to be registered. Its input is checked against the schema that msgspec
derives from the annotation, and converted; an input of a plain type (`dict`, `list`, `Any`, …) is handed over as it is.
"""

import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, TypedDict, Unpack

from node.core.access import AccessControl
from node.handlers.call.authority import CompositionAuthority, ScopedEnvironment
from node.handlers.call.errors import DeclaredError, RegistrationError
from node.handlers.call.operation import (
    ANYBODY,
    OnceHandler,
    Operation,
    OperationContext,
    OperationType,
    StreamHandler,
    Visibility,
)
from node.handlers.call.pointer import parse_pointer
from node.handlers.call.registration import check_codes, check_kind, check_name
from node.handlers.call.signature import Signature, read_signature


class Options(TypedDict, total=False):
    """What else an operation says of itself. `scopes` is short for an `access` that asks for all of these."""

    scopes: Sequence[str]
    access: AccessControl
    errors: Sequence[DeclaredError]
    visibility: Visibility
    resource_id_path: str
    max_input: int
    authority: CompositionAuthority
    scoped_env: ScopedEnvironment


Decorator = Callable[[Callable[..., Any]], Operation]


def query(name: str, **options: Unpack[Options]) -> Decorator:
    """An operation that reads and changes nothing. Raises RegistrationError where the function cannot be one."""
    return _decorator(name, OperationType.QUERY, options)


def mutation(name: str, **options: Unpack[Options]) -> Decorator:
    """An operation that changes something. Raises RegistrationError where the function cannot be one."""
    return _decorator(name, OperationType.MUTATION, options)


def subscription(name: str, **options: Unpack[Options]) -> Decorator:
    """An operation that yields results, as many as it likes. Raises RegistrationError where the function cannot."""
    return _decorator(name, OperationType.SUBSCRIPTION, options)


def _decorator(name: str, op_type: OperationType, options: Options) -> Decorator:
    if not isinstance(name, str):
        raise RegistrationError(f'an operation has a name: write @{op_type}("service/op") above {name!r}')

    def decorate(function: Callable[..., Any]) -> Operation:
        return _operation(name, op_type, function, options)

    return decorate


def _operation(name: str, op_type: OperationType, function: Callable[..., Any], options: Options) -> Operation:
    streams = op_type is OperationType.SUBSCRIPTION
    errors = tuple(options.get("errors", ()))
    check_name(name)
    check_kind(name, function, streams=streams)
    check_codes(name, errors)
    signature = read_signature(name, function, streams=streams)
    try:
        input_schema, output_schema = signature.input_schema, signature.output_schema
    except TypeError as error:
        why = str(error).strip().splitlines()[-1]
        raise RegistrationError(f"{name!r}: {why}: annotate types that JSON has, or a msgspec.Struct") from None
    given = {key: value for key, value in options.items() if key not in ("scopes", "access", "errors")}
    return Operation(
        name,
        _streaming(function, signature) if streams else _once(function, signature),
        op_type,
        access=_access(name, options),
        input_schema=input_schema,
        output_schema=output_schema,
        error_schemas=errors,
        **_checked(name, given),
    )


def _access(name: str, options: Options) -> AccessControl:
    if "scopes" not in options:
        return options.get("access", ANYBODY)
    if "access" in options:
        raise RegistrationError(f"{name!r} has both scopes and access: put the scopes into the access")
    scopes = options["scopes"]
    if isinstance(scopes, str):
        raise RegistrationError(f"{name!r}: scopes is a list of texts: write scopes=({scopes!r},)")
    return AccessControl(required_scopes=tuple(scopes))


def _checked(name: str, given: dict[str, Any]) -> dict[str, Any]:
    path = given.get("resource_id_path")
    if path is not None and parse_pointer(path) is None:
        raise RegistrationError(f"{name!r}: no input has anything at {path!r}: write a path such as $.containerId")
    return given


def _once(function: Callable[..., Any], signature: Signature) -> OnceHandler:
    async def once(value: Any, context: OperationContext) -> Any:
        return signature.json(await function(*signature.arguments(value, context)))

    return once


def _streaming(function: Callable[..., Any], signature: Signature) -> StreamHandler:
    async def stream(value: Any, context: OperationContext) -> AsyncGenerator[Any, None]:
        async with contextlib.aclosing(function(*signature.arguments(value, context))) as items:
            async for item in items:
                yield signature.json(item)

    return stream
