"""The web server of this process, as it serves the panel, and clients that hold a page's socket."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

from asgiref.sync import sync_to_async
from django.test import Client
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from alknet_site.web_server import _config, _Server
from apps.activity import live

PATH = "/live/activity/"
SECONDS = 60


class Site:
    """A running server; everything of one event loop."""

    def __init__(self, port: int, server: _Server) -> None:
        self.port = port
        self._server = server
        self.host = f"localhost:{port}"

    async def open(
        self, cookie: str | None, *, path: str = PATH, host: str | None = None, **headers: str | None
    ) -> ClientConnection:
        """A socket as a page of the panel opens it; a header that is None is left out. Raises InvalidStatus."""
        host = host or self.host
        sent = {"Origin": f"http://{host}", "Cookie": cookie, **headers}
        return await connect(
            f"ws://{host}{path}",
            host="127.0.0.1",
            port=self.port,
            additional_headers={name: value for name, value in sent.items() if value is not None},
            proxy=None,
            open_timeout=SECONDS,
        )

    @property
    def unsent(self) -> list[int]:
        """Bytes that wait to be sent on each connection there is."""
        connections = list(self._server.server_state.connections)
        return [connection.transport.get_write_buffer_size() for connection in connections]

    async def status(self, cookie: str | None, **how: Any) -> int:
        """What the server answers: 101 where it lets the socket in."""
        try:
            page = await self.open(cookie, **how)
        except InvalidStatus as error:
            return error.response.status_code
        await page.close()
        return 101


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Site]:
    server = _Server(_config(), lambda: None)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        task = asyncio.create_task(server.serve(sockets=[sock]))
        live.attach()
        try:
            yield Site(sock.getsockname()[1], server)
        finally:
            server.should_exit = True
            await task


async def signed_in(user: Any) -> str:
    """A session's cookie."""
    client = Client()
    await sync_to_async(client.force_login)(user)
    return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
