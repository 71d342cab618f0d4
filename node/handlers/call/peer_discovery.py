"""`services/list-peers`: what this node and its peers could do for the caller (spec call §14).

It tells the names of peers, so a node has it by choice only.
"""

from collections.abc import Iterable
from typing import Any

from node.core.access import check_access
from node.core.identity import Identity
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry, Visibility

LOCAL = "local"
"""The id under which this node lists its own operations."""

_MAX_INPUT = 64 * 1024
_TEXT = {"type": "string"}
_SUMMARY = {"name": _TEXT, "namespace": _TEXT, "op_type": {"enum": ["query", "mutation", "subscription"]}}
_OPERATIONS = {
    "type": "array",
    "items": {"type": "object", "properties": _SUMMARY, "required": list(_SUMMARY)},
}
_PEER = {"peer_id": _TEXT, "operations": _OPERATIONS}
_OUTPUT = {
    "type": "object",
    "properties": {
        "peers": {"type": "array", "items": {"type": "object", "properties": _PEER, "required": list(_PEER)}}
    },
    "required": ["peers"],
}


def register_peer_discovery(registry: OperationRegistry) -> None:
    """Add `services/list-peers`; anybody may call it, and sees what the specs let that caller do (deviation D12)."""

    async def list_peers(_: Any, context: OperationContext) -> dict[str, Any]:
        own = (operation for operation in registry if operation.visibility is Visibility.EXTERNAL)
        offered = [_entry(LOCAL, own, context.identity)]
        for peer_id in context.env.peer_ids():
            entry = _entry(peer_id, context.env.peer_operations(peer_id), context.identity)
            if entry["operations"]:
                offered.append(entry)
        return {"peers": offered}

    registry.register(Operation("services/list-peers", list_peers, output_schema=_OUTPUT, max_input=_MAX_INPUT))


def _entry(peer_id: str, operations: Iterable[Operation], caller: Identity | None) -> dict[str, Any]:
    visible = [operation.summary() for operation in operations if check_access(operation.access, caller).allowed]
    return {"peer_id": peer_id, "operations": visible}
