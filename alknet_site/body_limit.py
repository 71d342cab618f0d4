"""Refuses a body that is too long before Django has spooled it to disk: anyone may post to the sign-in page."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from apps.rest.paths import is_api
from apps.rest.problems import MEDIA_TYPE, problem

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY = 8 * 1024 * 1024
"""Longest body, in bytes: above the largest form that the panel's fields allow."""


def limit_bodies(application: Application, most: int = MAX_BODY) -> Application:
    """The application, to which a client that sends more than `most` bytes has gone away; the client gets 413."""

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        received = 0

        async def counted() -> Message:
            nonlocal received
            if received > most:
                return {"type": "http.disconnect"}
            message = await receive()
            received += len(message.get("body", b""))
            return message if received <= most else {"type": "http.disconnect"}

        await application(scope, counted, send)
        if received > most:
            await _refuse(scope, send)

    return limited


async def _refuse(scope: Scope, send: Send) -> None:
    """Below /api/ as a problem document, as everything is that is refused there."""
    text, kind = b"The request is too long.\n", b"text/plain"
    if is_api(scope["path"]):
        refusal = problem(413, f"A request has at most {MAX_BODY} bytes.")
        text, kind = refusal.content, MEDIA_TYPE.encode()
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(text)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": text})
