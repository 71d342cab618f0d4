"""WebSockets of the panel: which pages may open one, and how little a client can make the server hold.

The panel's pages only listen. So a client that sends more than pongs is cut off, and so is one that lets what it is
sent pile up; uvicorn asks each whether it is there, and cuts off who does not answer.
"""

import asyncio
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from alknet_site.body_limit import Application, Receive, Scope, Send

MAX_MESSAGE = 1024
"""Longest message that is taken apart, in bytes; it is not read all the same."""
PING_S = 20.0
"""How often a client is asked whether it is there, and how long it has to answer, in seconds."""
ANSWER_S = 20.0
"""How long a socket may wait to be let in, in seconds."""


class ImpatientSocket(WebSocketsSansIOProtocol):
    answer_s = ANSWER_S
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.answer_s, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Some 64 KiB wait to be sent: the client reads nothing, or asks for more pongs than it takes."""
        self.transport.abort()

    def _give_up(self) -> None:
        if not self.handshake_complete:
            self.transport.abort()


def same_origin_only(application: Application) -> Application:
    """The application for pages of the panel itself; any other page's script gets 403 (RFC 6455 §10.2)."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if is_same_origin(scope):
            await application(scope, receive, send)
        else:
            await send({"type": "websocket.close"})

    return guarded


def is_same_origin(scope: Scope) -> bool:
    """Whether a browser says that the page is the panel's, under a name that the panel answers to."""
    origin, host = _header(scope, b"origin"), _header(scope, b"host")
    if origin is None or host is None or not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        return False
    scheme = "https" if scope.get("scheme") == "wss" else "http"
    return origin in settings.CSRF_TRUSTED_ORIGINS or origin == f"{scheme}://{host.lower()}"


def _header(scope: Scope, name: bytes) -> str | None:
    """The value of a header that is there once."""
    values = [value for found, value in scope["headers"] if found == name]
    return values[0].decode("latin-1") if len(values) == 1 else None
