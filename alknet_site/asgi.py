"""The ASGI application: Django behind a limit, the live view's socket, and a health check that touches nothing."""

import os

from django.core.asgi import get_asgi_application

from alknet_site.body_limit import Receive, Scope, Send, limit_bodies
from alknet_site.request_ids import with_request_ids
from alknet_site.web_numbers import NUMBERS
from alknet_site.web_sockets import same_origin_only
from apps.activity.consumer import LiveConsumer

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alknet_site.settings")
_django = limit_bodies(get_asgi_application())
_sockets = {"/live/activity/": same_origin_only(LiveConsumer.as_asgi())}


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer /healthz here, whatever the database does; leave the rest to Django."""
    if scope["type"] == "http" and scope["path"] == "/healthz":
        await _answer_healthy(send)
    else:
        await _named(scope, receive, send)


async def _route(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await _sockets.get(scope["path"], _refuse_socket)(scope, receive, send)
    else:
        await _django(scope, receive, send)


async def _answer_healthy(send: Send) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"3"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok\n"})


async def _refuse_socket(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "websocket.close"})


_named = NUMBERS.counting(with_request_ids(_route))
