"""The ASGI application: Django, and in front of it a health check that touches nothing."""

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.core.asgi import get_asgi_application

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alknet_site.settings")
_django = get_asgi_application()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer /healthz here, whatever the database does; leave the rest to Django."""
    if scope["type"] == "http" and scope["path"] == "/healthz":
        await _answer_healthy(send)
    else:
        await _django(scope, receive, send)


async def _answer_healthy(send: Send) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"3"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok\n"})
