"""curl through the SOCKS5 server: names that it leaves to us, addresses that it has resolved, and logins."""

import asyncio
from typing import Any

import pytest

from node.client.local_port import LocalPort
from node.client.socks5.server import SocksServer
from node.core.socks5.wire import Login
from tests.support.openers import DirectOpener

pytestmark = pytest.mark.interop

COULD_NOT_RESOLVE, PROXY_FAILED = 6, 97


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
    writer.close()


async def curl(path: str, *arguments: str) -> tuple[int | None, bytes]:
    command = (path, "--silent", "--noproxy", "", "--max-time", "30", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out


@pytest.mark.parametrize("login", [None, Login(b"ann", b"secret")])
async def test_curl_comes_through(program: Any, login: Login | None) -> None:
    web = await asyncio.start_server(answer, "127.0.0.1", 0)
    opener = DirectOpener(web.sockets[0].getsockname())
    port = await LocalPort.bind(("127.0.0.1", 0), SocksServer(opener, login).serve)
    via, who = port.addresses[0], "" if login is None else "ann:secret@"
    assert await curl(program("curl"), "--proxy", f"socks5h://{who}{via}", "http://box.invalid/") == (0, b"hello")
    assert await curl(program("curl"), "--proxy", f"socks5://{who}{via}", "http://127.0.0.9:81/") == (0, b"hello")
    assert await curl(program("curl"), "--proxy", f"socks5://{who}{via}", "http://[::9]:81/") == (0, b"hello")
    assert opener.asked == [("box.invalid", 80), ("127.0.0.9", 81), ("::9", 81)]
    status, _ = await curl(program("curl"), "--proxy", f"socks5://{who}{via}", "http://box.invalid/")
    assert status in (COULD_NOT_RESOLVE, PROXY_FAILED)
    opener.to = None
    assert (await curl(program("curl"), "--proxy", f"socks5h://{who}{via}", "http://box.invalid/"))[0] == PROXY_FAILED
    if login is not None:
        refused = await curl(program("curl"), "--proxy", f"socks5h://ann:wrong@{via}", "http://box.invalid/")
        assert refused[0] == PROXY_FAILED
    await port.close()
    opener.close()
    web.close()
