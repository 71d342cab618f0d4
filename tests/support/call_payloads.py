"""The members of a payload, as any reader of JSON finds them."""

import json

import msgspec

from node.handlers.call import envelope


def members(payload: envelope.Payload) -> dict[str, object]:
    """Those of a payload that are there and not null."""
    found = {name: json.loads(bytes(text)) for name, text in msgspec.structs.asdict(payload).items()}
    if "operation" in found:
        found["operationId"] = found.pop("operation")
    return {name: value for name, value in found.items() if value is not None}
