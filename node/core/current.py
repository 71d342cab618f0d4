"""What the running task works for: its connection and its request, for log lines and the journal.

Each is set in the task of its own, whose subtasks have it too.
"""

from contextvars import ContextVar

from node.core.grants import Carried
from node.core.text import printable

connection: ContextVar[int | None] = ContextVar("alknet_connection", default=None)
"""The id of the live connection (node.endpoint.live)."""
carried: ContextVar[Carried | None] = ContextVar("alknet_carried", default=None)
"""What grants have let callers of this connection through to."""
call: ContextVar[str | None] = ContextVar("alknet_call", default=None)
"""The id that the caller gave to its request."""
request: ContextVar[str] = ContextVar("alknet_request", default="")
"""The id that the web process has given to the request that it answers; empty outside of one."""
MAX_CALL = 64
"""Characters of it that are told."""


def facts() -> dict[str, object]:
    """All by name, where they are known, fit for a log."""
    found: dict[str, object] = {}
    if (connection_id := connection.get()) is not None:
        found["connection"] = connection_id
    if (call_id := call.get()) is not None:
        found["call"] = printable(call_id[:MAX_CALL])
    if request_id := request.get():
        found["request_id"] = request_id
    return found
