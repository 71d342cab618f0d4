"""Gives every request an id of its own, from its first byte to its last log line, and tells the client.

Everything that answers is inside: static files, refusals of a body, errors. What a client sends under that name is not
believed. Log lines carry it as `request_id`, audit rows too; where the control socket is asked for the request, the
node's own lines carry it as `call` (node.core.current).
"""

import uuid
from collections.abc import Mapping
from typing import Any

from alknet_site.body_limit import Application, Receive, Scope, Send
from node.core import current

HEADER = b"x-request-id"


def with_request_ids(application: Application) -> Application:
    """The application, each of whose requests has an id in its context."""

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        request_id = str(uuid.uuid4())

        async def telling(message: Mapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                others = [pair for pair in message.get("headers", ()) if pair[0].lower() != HEADER]
                message = {**message, "headers": [*others, (HEADER, request_id.encode())]}
            await send(message)

        token = current.request.set(request_id)
        try:
            await application(scope, receive, telling)
        finally:
            current.request.reset(token)

    return named
