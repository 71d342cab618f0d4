"""The id of the request that is being answered, for log lines and audit rows. Empty outside a request."""

from node.core.current import request as current_request_id

__all__ = ["current_request_id"]
