"""The outbound proxy: SOCKS5 and CONNECT as their servers see them, names sent on, and the rules that still hold."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import asyncssh
import pytest

from node.core.capabilities import Capabilities
from node.core.live import Live
from node.handlers.ssh.forwarding.limits import ForwardingSettings
from node.handlers.ssh.forwarding.proxy import Proxy
from tests.support.forwards import Server, ask, doubling, forward_node
from tests.support.quic import soon

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
LOGIN = "node:se:cret"


class Proxies:
    """Speaks either protocol to the node, and hands it to `behind` wherever it wants to go. `asked` has where."""

    def __init__(self, behind: Server, login: str = "") -> None:
        self._behind, self._login = behind, login
        self.asked: list[tuple[bytes, int]] = []

    async def socks5h(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method = 2 if self._login else 0
        assert await reader.readexactly(3) == bytes((5, 1, method))
        writer.write(bytes((5, method)))
        if self._login:
            user, password = (part.encode() for part in self._login.split(":", 1))
            given = await reader.readexactly(3 + len(user) + len(password))
            good = given == bytes((1, len(user))) + user + bytes((len(password),)) + password
            writer.write(bytes((1, int(not good))))
        assert await reader.readexactly(3) == bytes((5, 1, 0))
        (kind,) = await reader.readexactly(1)
        length = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
        self.asked.append((await reader.readexactly(length), int.from_bytes(await reader.readexactly(2))))
        if self.asked[-1][1] == 1:
            writer.write(bytes((5, 5, 0, 1)) + bytes(6))
        else:
            writer.write(bytes((5, 0, 0, 3, 4)) + b"here" + bytes(2))
            await self._behind.serve(reader, writer)
        writer.close()

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        method, where, _ = lines[0].split()
        assert (method, lines[1]) == (b"CONNECT", b"Host: " + where)
        good = b"Proxy-Authorization: Basic " + base64.b64encode(self._login.encode())
        host, _, port = where.rpartition(b":")
        self.asked.append((host, int(port)))
        if port == b"1" or (self._login and good not in lines):
            writer.write(b"HTTP/1.1 407 No\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 Yes\r\nVia: x\r\n\r\n")
            await self._behind.serve(reader, writer)
        writer.close()


@contextlib.asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def code(opening: Any) -> int:
    with pytest.raises(asyncssh.ChannelOpenError) as told:
        await soon(opening)
    return told.value.code


@pytest.mark.parametrize("login", ["", LOGIN])
@pytest.mark.parametrize("kind", ["socks5h", "http"])
async def test_names_are_sent_on_and_rules_of_networks_keep_them_out(kind: str, login: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        proxies = Proxies(await stack.enter_async_context(doubling()), login)
        port = await stack.enter_async_context(listening(getattr(proxies, kind)))
        more = {"capabilities": Live(Capabilities().with_http_token("way-out", login))}
        settings = {"proxy": f"{kind}://127.0.0.1:{port}", "proxy_login": "way-out" if login else ""}
        one = await stack.enter_async_context(forward_node("*.invalid", "192.0.2.0/24", more=more, **settings))
        ann = await stack.enter_async_context(one.node.client())
        assert await soon(ask(*await soon(ann.open_connection("Db.Invalid", 5432)))) == b"pingping"
        assert await soon(ask(*await soon(ann.open_connection("192.0.2.7", 80)))) == b"pingping"
        named, literal = proxies.asked
        assert named == (b"db.invalid", 5432)
        assert literal == (bytes((192, 0, 2, 7)) if kind == "socks5h" else b"192.0.2.7", 80)
        assert await code(ann.open_connection("other.invalid", 1)) == asyncssh.OPEN_CONNECT_FAILED
        for host in ("elsewhere.test", "127.0.0.1"):
            assert await code(ann.open_connection(host, 80)) == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED
        one.rule("!10.0.0.0/8", "*")
        assert await code(ann.open_connection("db.invalid", 80)) == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED
        assert len(proxies.asked) == 3


async def test_a_proxy_that_is_none_or_whose_login_is_not_open_connects_nobody_and_nothing_goes_around_it() -> None:
    async def talks_otherwise(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.invalid\r\n" * 2000)
        writer.close()

    async with doubling() as server, listening(talks_otherwise) as port:
        for settings in (
            {"proxy": f"socks5h://127.0.0.1:{port}"},
            {"proxy": f"http://127.0.0.1:{port}"},
            {"proxy": f"http://127.0.0.1:{port}", "proxy_login": "not-there"},
        ):
            async with forward_node("*", **settings) as one, one.node.client() as ann:
                opening = ann.open_connection("127.0.0.1", server.port)
                assert await code(opening) == asyncssh.OPEN_CONNECT_FAILED
        assert server.come == 0


@pytest.mark.parametrize(
    "text", ["socks5://a:1", "a:1", "http://a", "http://user:pw@a:1", "socks5h://a:99999", "http://a b:1"]
)
def test_what_is_no_proxy_is_no_setting(text: str) -> None:
    with pytest.raises(ValueError, match=r"proxy|HOST:PORT|port|host"):
        ForwardingSettings(proxy=text)
    assert Proxy.parse("http://[::1]:8080/").address == ("::1", 8080)
