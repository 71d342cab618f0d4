"""The id of the request that is being answered, for log lines and audit rows. Empty outside a request."""

from contextvars import ContextVar

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")
