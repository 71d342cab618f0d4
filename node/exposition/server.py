"""A small HTTP/1.1 server for a handful of private pages: one request for each connection, on the loop, no threads.

Whoever connects may be hostile or stuck, so everything has an end: connections at once, bytes of a head, seconds for
the request and for its answer. A page of another site that a browser on this machine shows cannot ask either: on
loopback only requests to an address, or to localhost, are answered, which no foreign name can pass for.
"""

import asyncio
import ipaddress
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import h11

from node.core.address import format_host_port, parse_host_port
from node.core.identity import Address
from node.core.tasks import TaskSet
from node.exposition.settings import is_loopback

MAX_CONNECTIONS = 16
"""At once; one more is closed without an answer."""
MAX_HEAD = 8 * 1024
"""Bytes of a request's head."""
REQUEST_SECONDS = 5.0
ANSWER_SECONDS = 10.0
"""For making the answer and for handing it over."""

TEXT, JSON = "text/plain; charset=utf-8", "application/json"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    body: bytes
    content_type: str = TEXT
    status: int = 200


Pages = dict[str, Callable[[], Awaitable[Page]]]
"""Each page by its path."""

NOT_FOUND = Page(b"there is /metrics, /readyz and /healthz\n", status=404)
NOT_ALLOWED = Page(b"these pages are only read\n", status=405)
WRONG_HOST = Page(b"ask for this page by an address or as localhost\n", status=421)
BROKEN = Page(b"the page could not be made; the log says why\n", status=500)


class PrivateServer:
    """Serves `pages` from `start` to `close`."""

    def __init__(self, listen: str, pages: Pages) -> None:
        self._listen = listen
        self._pages = pages
        self._tasks = TaskSet()
        self._server: asyncio.Server | None = None
        self.address: Address | None = None
        """Where it really listens, once it does."""

    async def start(self) -> None:
        """Raises OSError where the address is taken or none of this machine's."""
        host, port = parse_host_port(self._listen)
        self._server = await asyncio.start_server(self._accept, host, port, limit=MAX_HEAD, backlog=MAX_CONNECTIONS)
        self.address = self._server.sockets[0].getsockname()[:2]

    async def start_or_tell(self) -> None:
        """The same; where it cannot be, that is logged, and whoever opened this goes on without it."""
        try:
            await self.start()
        except OSError as error:
            told = error.strerror or str(error)
            logger.error("metrics are not shown", extra={"address": self._listen, "error": told})
        else:
            logger.info("metrics are shown", extra={"address": format_host_port(self.address or ("", 0))})

    async def close(self) -> None:
        """Harmless when repeated."""
        if self._server is not None:
            self._server.close()
        await self._tasks.cancel()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._tasks) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        self._tasks.spawn(self._serve(reader, writer), "metrics client")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
            async with asyncio.timeout(REQUEST_SECONDS):
                request = await _request(connection, reader)
            if request is not None:
                async with asyncio.timeout(ANSWER_SECONDS):
                    page = await self._page(request)
                    writer.write(_answer(connection, page, with_body=request.method != b"HEAD"))
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
        except (TimeoutError, OSError, h11.ProtocolError):
            pass  # nobody is left to be told
        finally:
            writer.transport.abort()

    async def _page(self, request: h11.Request) -> Page:
        if request.method not in (b"GET", b"HEAD"):
            return NOT_ALLOWED
        if is_loopback(self._listen) and not _is_ours(request):
            return WRONG_HOST
        page = self._pages.get(request.target.partition(b"?")[0].decode("ascii", errors="replace"))
        if page is None:
            return NOT_FOUND
        try:
            return await page()
        except Exception:
            logger.exception("a private page failed")
            return BROKEN


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """The head of a request; None where the client left. What follows it is not read. Raises h11.ProtocolError."""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            return None
        data = await reader.read(MAX_HEAD)
        connection.receive_data(data)


def _answer(connection: h11.Connection, page: Page, *, with_body: bool) -> bytes:
    headers = [
        ("content-type", page.content_type),
        ("content-length", str(len(page.body))),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("connection", "close"),
    ]
    head = connection.send(h11.Response(status_code=page.status, headers=headers))
    return (head or b"") + (page.body if with_body else b"")


def _is_ours(request: h11.Request) -> bool:
    """Whether the name that was asked for can only be this machine's."""
    host = dict(request.headers).get(b"host", b"").decode("ascii", errors="replace")
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name.lower() == "localhost"
    return True
