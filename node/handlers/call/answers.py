"""The frames that answer a request, whatever its operation came up with (spec call §3)."""

from typing import Any

from node.handlers.call import envelope as events
from node.handlers.call.errors import CallError, internal
from node.handlers.call.limits import MAX_FRAME


def responded(request_id: str, output: Any) -> bytes:
    """Raises CallError INTERNAL where the output is not JSON, or does not fit a frame."""
    return _fitting(events.RESPONDED, request_id, {"output": output})


def completed(request_id: str) -> bytes:
    return events.encode(events.COMPLETED, request_id, {})


def failed(request_id: str, error: CallError) -> bytes:
    """A `call.error`; its details are an operation's own and may turn out to be no JSON."""
    try:
        return _fitting(events.ERROR, request_id, events.error_payload(error))
    except CallError as worse:
        return events.encode(events.ERROR, request_id, events.error_payload(worse))


def _fitting(kind: str, request_id: str, payload: Any) -> bytes:
    body = events.encode(kind, request_id, payload)
    if len(body) > MAX_FRAME:
        raise internal(f"the answer has {len(body)} bytes; a frame takes {MAX_FRAME}")
    return body
