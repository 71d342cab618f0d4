"""QUIC through Dante, a SOCKS5 proxy that relays datagrams."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from node.client.dial import dial
from node.client.socks5.associate import Proxy, ProxyError
from tests.support.quic import ALPN, echo, read_all, serving, soon

pytestmark = pytest.mark.interop

SETTINGS = """
logoutput: {log}
internal: 127.0.0.1 port = {port}
external: 127.0.0.1
clientmethod: none
socksmethod: none
client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 command: {commands} }}
socks pass {{ from: 0.0.0.0/0 to: 127.0.0.0/8 command: udpreply }}
"""


@contextlib.asynccontextmanager
async def dante(path: str, place: Path, commands: str) -> AsyncIterator[Proxy]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (place / "conf").write_text(SETTINGS.format(log=place / "log", port=port, commands=commands))
    words = (path, "-f", str(place / "conf"), "-p", str(place / "pid"), "-N", "1")
    process = await asyncio.create_subprocess_exec(*words)
    try:
        async with asyncio.timeout(30):
            while not await _listens(port):
                assert process.returncode is None, (place / "log").read_text()
                await asyncio.sleep(0.02)
        yield Proxy(("127.0.0.1", port))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.transport.abort()
        return True
    return False


async def test_quic_goes_through_dante(program: Any, tmp_path: Path) -> None:
    data = os.urandom(1_000_000)
    async with serving() as server, dante(program("danted"), tmp_path, "udpassociate") as proxy:
        for host in ("127.0.0.1", "localhost"):
            address = f"{host}:{server.port}"
            connection = await dial(address, ALPN, pin=server.key.fingerprint, timeout=20, proxy=proxy)
            accepted = await server.accepted()
            echoing = asyncio.create_task(echo(accepted.connection))
            stream = await connection.open_bi()
            reading = asyncio.create_task(read_all(stream))
            await soon(stream.write(data))
            stream.finish()
            assert await soon(reading) == data
            connection.close()
            echoing.cancel()


async def test_dante_that_relays_no_datagrams_is_not_gone_round(program: Any, tmp_path: Path) -> None:
    async with serving() as server, dante(program("danted"), tmp_path, "connect") as proxy:
        with pytest.raises(ProxyError):
            address = f"127.0.0.1:{server.port}"
            await dial(address, ALPN, pin=server.key.fingerprint, timeout=20, proxy=proxy)
        assert not server.waiting
