"""The server of the private pages against those who are slow, loud, greedy or from elsewhere."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import pytest

from node.exposition import server as module
from node.exposition.server import MAX_CONNECTIONS, MAX_HEAD, Page, PrivateServer


@contextlib.asynccontextmanager
async def serving(listen: str = "127.0.0.1:0") -> AsyncIterator[PrivateServer]:
    async def page() -> Page:
        return Page(b"numbers\n")

    async def broken() -> Page:
        raise RuntimeError("of the page")

    server = PrivateServer(listen, {"/metrics": page, "/broken": broken})
    await server.start()
    try:
        yield server
    finally:
        await server.close()


async def ask(server: PrivateServer, request: bytes) -> bytes:
    assert server.address is not None
    reader, writer = await asyncio.open_connection(*server.address)
    try:
        writer.write(request)
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(60):
                return await reader.read()
        return b""
    finally:
        writer.close()


def get(path: str = "/metrics", host: str = "127.0.0.1:1", method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


async def test_a_page_comes_whole_and_the_connection_ends() -> None:
    async with serving() as server:
        answer = await ask(server, get())
        head, _, body = answer.partition(b"\r\n\r\n")
        assert (status(answer), body) == (200, b"numbers\n")
        assert b"content-length: 8" in head.lower()
        assert (await ask(server, get("/metrics?x=1"))).endswith(b"numbers\n")
        assert (await ask(server, get(method="HEAD"))).endswith(b"\r\n\r\n")


@pytest.mark.parametrize(("request_", "expected"), [
    (get("/other"), 404), (get(method="POST"), 405), (get("/broken"), 500), (get("*"), 404),
    (get(host="evil.example:9464"), 421), (get(host="127.0.0.1.evil.example"), 421),
    (get(host="[::1]:9464"), 200), (get(host="localhost:9464"), 200),
])  # fmt: skip
async def test_what_is_refused_and_how(request_: bytes, expected: int) -> None:
    async with serving() as server:
        assert status(await ask(server, request_)) == expected


async def test_where_strangers_may_ask_they_may_use_any_name() -> None:
    async with serving("0.0.0.0:0") as server:
        assert status(await ask(server, get(host="node:9464"))) == 200


async def test_an_error_of_a_page_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        async with serving() as server:
            assert b"of the page" not in await ask(server, get("/broken"))
    assert "of the page" in caplog.text


@pytest.mark.parametrize("noise", [
    b"\x16\x03\x01\x02\x00", b"GET /metrics\r\n\r\n", b"GET /metrics HTTP/1.1\r\n\r\n", b"\r\n" * 5_000,
    b"GET /" + b"x" * (MAX_HEAD + 1), b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5_000,
    b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
])  # fmt: skip
async def test_noise_gets_no_answer_and_the_next_one_is_served(noise: bytes) -> None:
    async with serving() as server:
        assert await ask(server, noise + b"\r\n\r\n") == b""
        assert status(await ask(server, get())) == 200


async def test_who_says_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REQUEST_SECONDS", 0.05)
    async with serving() as server:
        assert await ask(server, b"GET /metrics HTT") == b""


async def test_so_many_at_once_and_no_more() -> None:
    async with serving() as server:
        assert server.address is not None
        held = [await asyncio.open_connection(*server.address) for _ in range(MAX_CONNECTIONS)]
        assert await ask(server, get()) == b""
        for _, writer in held:
            writer.close()
        async with asyncio.timeout(60):
            while await ask(server, get()) == b"":
                await asyncio.sleep(0.01)


async def test_closing_ends_those_who_wait() -> None:
    async with serving() as server:
        assert server.address is not None
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(b"GET")
        await server.close()
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
