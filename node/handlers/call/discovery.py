"""The operations that every node has: what can be called here, and who am I to you (spec call §14)."""

from typing import Any

from node.core.access import check_access
from node.handlers.call.errors import invalid_input, not_found
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry, Visibility

_MAX_INPUT = 64 * 1024
"""Bytes. Anybody may call these, so nobody may make them parse much."""
_NAME_INPUT = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
_TEXT = {"type": "string"}
_SUMMARY = {"name": _TEXT, "namespace": _TEXT, "op_type": {"enum": ["query", "mutation", "subscription"]}}
_LIST_OUTPUT = {
    "type": "object",
    "properties": {
        "operations": {
            "type": "array",
            "items": {"type": "object", "properties": _SUMMARY, "required": list(_SUMMARY)},
        }
    },
    "required": ["operations"],
}
_SCHEMA_OUTPUT = {
    "type": "object",
    "properties": _SUMMARY
    | {
        "visibility": {"const": "external"},
        "input_schema": {"type": "object"},
        "output_schema": {"type": "object"},
        "error_schemas": {"type": "array"},
        "access_control": {"type": "object"},
    },
}
_SCHEMA_OUTPUT["required"] = list(_SCHEMA_OUTPUT["properties"])
_WHOAMI_OUTPUT = {
    "type": "object",
    "properties": {
        "identity": {"type": ["object", "null"]},
        "fingerprint": {"type": ["string", "null"]},
        "alpn": _TEXT,
    },
    "required": ["identity", "fingerprint", "alpn"],
}


def register_discovery(registry: OperationRegistry) -> None:
    """Add `services/list`, `services/schema` and `node/whoami`; anybody may call them."""
    discovery = _Discovery(registry)
    registry.register(Operation("services/list", discovery.list, output_schema=_LIST_OUTPUT, max_input=_MAX_INPUT))
    registry.register(
        Operation(
            "services/schema",
            discovery.schema,
            input_schema=_NAME_INPUT,
            output_schema=_SCHEMA_OUTPUT,
            max_input=_MAX_INPUT,
            explains_input=True,  # in the words of the spec, whatever is wrong
        )
    )
    registry.register(Operation("node/whoami", whoami, output_schema=_WHOAMI_OUTPUT, max_input=_MAX_INPUT))


async def whoami(_: Any, context: OperationContext) -> dict[str, Any]:
    """How this node sees the caller: its identity or null, the fingerprint of its key or null, and the ALPN."""
    identity = context.identity
    return {
        "identity": identity.to_json() if identity else None,
        "fingerprint": context.connection.tls_client_fingerprint,
        "alpn": context.connection.alpn.decode(),
    }


class _Discovery:
    """Reads the registry on behalf of callers, showing each only what it may call (deviation D11)."""

    def __init__(self, registry: OperationRegistry) -> None:
        self._registry = registry

    async def list(self, _: Any, context: OperationContext) -> dict[str, Any]:
        return {"operations": [operation.summary() for operation in self._registry if _callable(operation, context)]}

    async def schema(self, value: Any, context: OperationContext) -> dict[str, Any]:
        name = value.get("name") if isinstance(value, dict) else None
        if not isinstance(name, str):
            raise invalid_input("missing required field: name")
        operation = self._registry.external(name.removeprefix("/"))
        if operation is None or not _callable(operation, context):
            raise not_found(name.removeprefix("/"))
        return operation.schema()


def _callable(operation: Operation, context: OperationContext) -> bool:
    return operation.visibility is Visibility.EXTERNAL and check_access(operation.access, context.identity).allowed
