"""What the running task works for: its connection and its request, for log lines and the journal.

Each is set in the task of its own, whose subtasks have it too.
"""

from contextvars import ContextVar

connection: ContextVar[int | None] = ContextVar("alknet_connection", default=None)
"""The id of the live connection (node.endpoint.live)."""
call: ContextVar[str | None] = ContextVar("alknet_call", default=None)
"""The id that the caller gave to its request, made fit for a log."""


def facts() -> dict[str, object]:
    """Both by name, where they are known."""
    known = {"connection": connection.get(), "call": call.get()}
    return {name: value for name, value in known.items() if value is not None}
