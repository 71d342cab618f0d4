"""What a function's annotations say of an operation: which parameter is the input, of what type, and what comes out."""

import inspect
import re
import typing
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from node.handlers.call.errors import RegistrationError, invalid_input
from node.handlers.call.operation import OperationContext

_PLAIN = {Any, object, None, type(None), bool, str, dict, list}
"""Types whose values are JSON as they are, and that a schema tells apart: 1.0 is an `integer` to it, and no int."""
_STREAMS = (AsyncGenerator, AsyncIterable, AsyncIterator)
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_PLACE = re.compile(r" - at `([^`]{1,200})`$")


@dataclass(frozen=True, slots=True)
class Signature:
    """How to call the function. `input` is the type of its input, or None where it takes none."""

    takes_input: bool
    takes_context: bool
    context_first: bool
    input: Any
    output: Any

    def arguments(self, value: Any, context: OperationContext) -> tuple[Any, ...]:
        """What to call the function with. Raises CallError INVALID_INPUT where the input does not convert."""
        given = (converted(value, self.input),) if self.takes_input else ()
        if not self.takes_context:
            return given
        return (context, *given) if self.context_first else (*given, context)

    def json(self, output: Any) -> Any:
        """The output as a JSON value, so that every caller sees the same, over the wire or not."""
        return output if is_plain(self.output) else msgspec.to_builtins(output)

    @property
    def input_schema(self) -> Mapping[str, Any]:
        return schema_of(self.input) if self.takes_input else {}

    @property
    def output_schema(self) -> Mapping[str, Any]:
        return schema_of(self.output)


def read_signature(name: str, function: Callable[..., Any], *, streams: bool) -> Signature:
    """Raises RegistrationError, whose sentence says what to annotate."""
    hints = _hints(name, function)
    parameters = list(inspect.signature(function).parameters.values())
    for parameter in parameters:
        if parameter.kind not in _POSITIONAL:
            raise RegistrationError(f"{name!r} takes an input and a context, and no {parameter}: give it up")
        if parameter.name not in hints:
            raise RegistrationError(f"{name!r}: the parameter {parameter.name} is not annotated: say what type it has")
    contexts = [index for index, known in enumerate(parameters) if hints[known.name] is OperationContext]
    inputs = [known.name for known in parameters if hints[known.name] is not OperationContext]
    if len(contexts) > 1 or len(inputs) > 1:
        raise RegistrationError(
            f"{name!r} takes one input and one context at most: put what else it needs into a Struct, its input"
        )
    if "return" not in hints:
        raise RegistrationError(f"{name!r}: what it returns is not annotated: write `-> None` if that is nothing")
    return Signature(
        takes_input=bool(inputs),
        takes_context=bool(contexts),
        context_first=contexts == [0],
        input=hints[inputs[0]] if inputs else None,
        output=_item(name, hints["return"]) if streams else hints["return"],
    )


def schema_of(kind: Any) -> Mapping[str, Any]:
    """The JSON Schema of a type. Raises TypeError on what is not JSON."""
    return {} if kind in (Any, object) else msgspec.json.schema(kind)


def converted(value: Any, kind: Any) -> Any:
    """The value as its type. Raises CallError INVALID_INPUT, which names the place at most."""
    if is_plain(kind):
        return value
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        found = _PLACE.search(str(error))
    raise invalid_input(f"{found[1] if found else '$'} is not what the operation takes")


def is_plain(kind: Any) -> bool:
    """Whether values of this type are JSON as they are, and of any shape that the schema lets through."""
    if isinstance(kind, type(dict[str, Any])):
        return typing.get_origin(kind) in (dict, list) and all(map(is_plain, typing.get_args(kind)))
    try:
        return kind in _PLAIN
    except TypeError:
        return False


def _hints(name: str, function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise RegistrationError(
            f"{name!r}: its annotations cannot be read: {error}; types of an operation stand at the top of their module"
        ) from None


def _item(name: str, returned: Any) -> Any:
    """What a subscription yields."""
    arguments = typing.get_args(returned)
    if typing.get_origin(returned) not in _STREAMS or not arguments:
        raise RegistrationError(f"{name!r}: a subscription is annotated `-> AsyncIterator[…]` with what it yields")
    return arguments[0]
