"""uvicorn's HTTP/1.1 with an end to its patience: a client that sends no whole request in time is cut off.

uvicorn waits for a first request without end, and so a few hundred silent connections would shut everybody else out.
"""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_S = 20.0
"""How long a request may take to arrive, head and body, in seconds."""


class ImpatientProtocol(H11Protocol):
    request_s = REQUEST_S
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        super().handle_events()
        if self.conn.their_state is not h11.SEND_BODY and self.conn.their_state is not h11.IDLE:
            self._expect_nothing()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """The request has come, and its end is not read here any more: the socket has a time of its own."""
        self._expect_nothing()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        self._expect_request()
        super().on_response_complete()

    def _expect_request(self) -> None:
        """From now on the next one has `request_s`; an idle connection ends sooner, by uvicorn's keep-alive."""
        self._expect_nothing()
        self._deadline = self.loop.call_later(self.request_s, self.transport.abort)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
