"""What a stranger may send to the panel's port ends: in size and in time."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import uvicorn

from alknet_site.body_limit import limit_bodies
from alknet_site.http_protocol import ImpatientProtocol

MOST = 1000
SECONDS = 60


class Hasty(ImpatientProtocol):
    request_s = 0.3


async def echo_length(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """As Django does: read the whole body, give up on a client that went away."""
    length, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length, more = length + len(message.get("body", b"")), message.get("more_body", False)
    body = str(length).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Server(uvicorn.Server):
    """uvicorn without its signal handlers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(protocol: type[ImpatientProtocol], application: Any = echo_length) -> AsyncIterator[int]:
    config = uvicorn.Config(limit_bodies(application, MOST), http=protocol, lifespan="off", ws="none", log_config=None)
    server = Server(config)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        task = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            yield sock.getsockname()[1]
        finally:
            server.should_exit = True
            await task


async def sent(port: int, data: bytes) -> bytes:
    """All that the server answers until it closes the connection."""
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(data)
            return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


def post(body: bytes, *, length: int | None = None) -> bytes:
    head = f"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length or len(body)}\r\n\r\n"
    return head.encode() + body


def chunked(*chunks: bytes) -> bytes:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


async def test_a_body_is_taken_up_to_the_limit() -> None:
    async with serving(ImpatientProtocol) as port:
        for request in (post(b"x" * MOST), chunked(b"x" * 600, b"x" * 400)):
            answer = await sent(port, request)
            assert answer.startswith(b"HTTP/1.1 200")
            assert answer.endswith(b"\r\n\r\n1000")


async def test_a_longer_one_is_refused_whichever_way_it_is_sent() -> None:
    async with serving(ImpatientProtocol) as port:
        for request in (post(b"x" * (MOST + 1)), chunked(b"x" * 600, b"x" * 401)):
            answer = await sent(port, request)
            assert answer.startswith(b"HTTP/1.1 413")
            assert b"1001" not in answer


SLOW = [
    b"",
    b"GET / HT",
    b"GET / HTTP/1.1\r\nHost: a\r\n",
    post(b"x", length=2),
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n",
]


@pytest.mark.parametrize("start", SLOW)
async def test_who_sends_no_whole_request_is_cut_off(start: bytes) -> None:
    async with serving(Hasty) as port:
        assert await sent(port, start) == b""


async def test_nor_does_it_help_to_have_sent_one_before() -> None:
    first = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    async with serving(Hasty) as port:
        answer = await sent(port, first + b"GET / HT")
        assert answer.count(b"HTTP/1.1 200") == 1


async def test_an_answer_may_take_its_time() -> None:
    async def slow(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await asyncio.sleep(Hasty.request_s * 3)
        await echo_length(scope, receive, send)

    async with serving(Hasty, slow) as port:
        assert (await sent(port, post(b"xy"))).endswith(b"\r\n\r\n2")
