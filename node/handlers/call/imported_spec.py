"""The description of an operation as another node gives it, read leniently (spec call §13, §15 T4).

What is missing or malformed is taken to ask and to promise nothing: the node that runs the operation enforces its own
rules anyway. Only without a type can nothing be forwarded.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from node.core.access import AccessControl
from node.handlers.call.errors import PROTOCOL_CODES, DeclaredError
from node.handlers.call.import_errors import SchemaParse
from node.handlers.call.operation import ANYBODY, OperationType


class _Access(msgspec.Struct, frozen=True):
    required_scopes: tuple[str, ...] = ()
    required_scopes_any: tuple[str, ...] | None = None
    resource_type: str | None = None
    resource_action: str | None = None


@dataclass(frozen=True, slots=True)
class ImportedSpec:
    """What of it matters to those who compose the operation here."""

    op_type: OperationType
    access: AccessControl = ANYBODY
    input_schema: dict[str, Any] = field(default_factory=dict)
    output_schema: dict[str, Any] = field(default_factory=dict)
    error_schemas: tuple[DeclaredError, ...] = ()


def read_spec(name: str, answer: Any) -> ImportedSpec:
    """`answer` is the peer's to `services/schema`. Raises SchemaParse."""
    if not isinstance(answer, dict):
        raise SchemaParse(f"{name}: the description is no object")
    return ImportedSpec(
        op_type=_op_type(name, answer.get("op_type")),
        access=_access(answer.get("access_control")),
        input_schema=_schema(answer.get("input_schema")),
        output_schema=_schema(answer.get("output_schema")),
        error_schemas=_errors(answer.get("error_schemas")),
    )


def _op_type(name: str, value: Any) -> OperationType:
    try:
        return OperationType(value)
    except ValueError:
        raise SchemaParse(f"{name}: the description has no type of operation that is known") from None


def _schema(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _access(value: Any) -> AccessControl:
    try:
        read = msgspec.convert(value, _Access)
    except msgspec.ValidationError:
        return ANYBODY
    return AccessControl(read.required_scopes, read.required_scopes_any, read.resource_type, read.resource_action)


def _errors(value: Any) -> tuple[DeclaredError, ...]:
    """Each code once; those of the protocol need no declaration."""
    found: dict[str, DeclaredError] = {}
    for entry in value if isinstance(value, list) else ():
        code = entry.get("code") if isinstance(entry, dict) else None
        if isinstance(code, str) and code.strip() and code not in PROTOCOL_CODES:
            found.setdefault(code, _declared(code, entry))
    return tuple(found.values())


def _declared(code: str, entry: dict[str, Any]) -> DeclaredError:
    description, status = entry.get("description"), entry.get("http_status")
    return DeclaredError(
        code,
        description if isinstance(description, str) else "",
        _schema(entry.get("schema")),
        status if isinstance(status, int) and not isinstance(status, bool) else None,
    )
