"""`alknet connect` to a node that forwards by its rules, with curl as the program that wants something."""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from node.core.address import format_host_port, parse_host_port
from node.core.identity import Address
from tests.support.connecting import Connect, connect
from tests.support.forwards import ForwardNode, forward_node

pytestmark = pytest.mark.interop

PROXY_FAILED, RESET = 97, 56
LARGE = os.urandom(1 << 20) * 5
SCOPES = ("ssh:forward:127.0.0.1:*", "ssh:forward:localhost:*", "ssh:listen:127.0.0.1:*")


@contextlib.asynccontextmanager
async def web() -> AsyncIterator[Address]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + LARGE)
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()


@contextlib.asynccontextmanager
async def connected(one: ForwardNode, home: Path, *options: str) -> AsyncIterator[Connect]:
    one.node.ann.write_private_key(home / "key")
    (home / "key").chmod(0o600)
    node, more = one.node, ("--identity", str(home / "key"), *options)
    async with connect(home, node.listener.address, node.node_key.fingerprint, *more) as command:
        yield command


async def curl(path: str, *arguments: str) -> tuple[int | None, str]:
    """Its exit status, and the digest of what it got."""
    command = (path, "--silent", "--noproxy", "", "--max-time", "60", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), 90)
    return process.returncode, hashlib.sha256(out).hexdigest()


GOT, NOTHING = (0, hashlib.sha256(LARGE).hexdigest()), hashlib.sha256(b"").hexdigest()


async def test_curl_gets_what_the_rules_allow_and_nothing_else(program: Any, tmp_path: Path) -> None:
    path = program("curl")
    async with web() as at, forward_node("127.0.0.0/8", "localhost", scopes=SCOPES) as one:
        to = format_host_port(at)
        options = ("--socks5", "0", "--forward", f"127.0.0.1:0:{to}", "--remote-forward", f"127.0.0.1:0:{to}")
        async with connected(one, tmp_path, *options) as command:
            proxy = await command.says("SOCKS5 on")
            local = await command.says("forwarding on")
            there = await command.says("the node listens on")
            assert await curl(path, "--socks5-hostname", proxy, f"http://localhost:{at[1]}/") == GOT
            assert await curl(path, "--socks5", proxy, f"http://{to}/") == GOT
            assert await curl(path, f"http://{local}/") == GOT
            assert await curl(path, f"http://{there}/") == GOT
            for target in ("http://127.0.0.2:9/", "http://box.invalid/", "http://[::1]:9/"):
                assert await curl(path, "--socks5-hostname", proxy, target) == (PROXY_FAILED, NOTHING)
            one.rule()
            assert await curl(path, "--socks5-hostname", proxy, f"http://{to}/") == (PROXY_FAILED, NOTHING)
            one.rule("127.0.0.0/8")
            assert await curl(path, "--socks5-hostname", proxy, f"http://{to}/") == GOT
            assert parse_host_port(there)[1]
