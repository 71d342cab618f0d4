"""OpenSSH's -L, -R, -D and -W, to ports and Unix sockets, through `alknet nc` and the TCP port: the same results."""

import asyncio
import contextlib
import re
import shlex
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from node.core.address import format_host_port
from tests.support import warm
from tests.support.appliance import environment
from tests.support.forwards import ForwardNode, ask, doubling, forward_node
from tests.support.nc import ROOT

pytestmark = pytest.mark.interop
PATIENCE = 60
SCOPES = ("ssh:forward:*:*", "ssh:listen:127.0.0.1:*", "ssh:forward-unix:*", "ssh:listen-unix:*")
PROXY = 97
"""Exit status of curl where a SOCKS proxy does not connect."""


@contextlib.asynccontextmanager
async def web() -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nhello")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Client:
    """Runs ssh against the node by one way, with nothing of the user's."""

    def __init__(self, path: str, home: Path, one: ForwardNode, way: str) -> None:
        node = one.node
        node.ann.write_private_key(home / "key")
        (home / "key").chmod(0o600)
        raw = node.host_key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        (home / "known").write_text("* " + asyncssh.import_private_key(raw).export_public_key().decode())
        pinned = [format_host_port(node.listener.address), "--pin", node.node_key.fingerprint, "--anonymous"]
        nc = shlex.join([warm.python(), "-m", "node.cli.main", "nc", "alknet/ssh", *pinned])
        by = ("-o", f"ProxyCommand={nc}") if way == "quic" else ("-p", str(node.tcp.address[1]))
        self._command = [path, "-F", "none", "-i", str(home / "key"), "-o", f"UserKnownHostsFile={home / 'known'}",
                         "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ExitOnForwardFailure=yes",
                         "-o", "StrictHostKeyChecking=yes", *by]  # fmt: skip

    async def start(self, *options: str) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        command = (*self._command, *options, "any@127.0.0.1")
        return await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment(LANG="C"), cwd=ROOT
        )

    async def run(self, *options: str, given: bytes = b"") -> tuple[int | None, bytes, bytes]:
        process = await self.start(*options)
        out, err = await asyncio.wait_for(process.communicate(given), PATIENCE)
        return process.returncode, out, err


async def allocated(process: asyncio.subprocess.Process) -> int:
    """The port of the one -R, which ssh tells when everything before it in its list stands."""
    assert process.stderr is not None
    said = b""
    while line := await asyncio.wait_for(process.stderr.readline(), PATIENCE):
        said += line
        if found := re.search(rb"Allocated port (\d+)", line):
            return int(found[1])
    raise AssertionError(said)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


async def dial(at: int | Path) -> Any:
    opening = asyncio.open_connection("127.0.0.1", at) if isinstance(at, int) else asyncio.open_unix_connection(at)
    return await asyncio.wait_for(opening, PATIENCE)


async def asked(at: int | Path, data: bytes = b"ping") -> bytes:
    return await asyncio.wait_for(ask(*await dial(at), data), PATIENCE)


async def curl(path: str, proxy: int, url: str) -> tuple[int | None, bytes]:
    command = (path, "-sS", "--noproxy", "", "--max-time", "30", "--socks5-hostname", f"127.0.0.1:{proxy}", url)
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    return process.returncode, out


@pytest.mark.parametrize("way", ["quic", "tcp"])
async def test_ssh_forwards_what_is_allowed_and_nothing_else(program: Any, tmp_path: Path, way: str) -> None:
    there, back, shut = (tmp_path / name for name in ("there.sock", "back.sock", "shut.sock"))
    async with contextlib.AsyncExitStack() as stack:
        server, mine = [await stack.enter_async_context(doubling()) for _ in range(2)]
        await stack.enter_async_context(doubling(str(there)))
        never = await stack.enter_async_context(doubling(str(shut)))
        http = await stack.enter_async_context(web())
        rules = ("!127.0.0.1:1..1024", f"!{shut}", "127.0.0.1", str(there), str(back))
        one = await stack.enter_async_context(forward_node(*rules, scopes=SCOPES))
        ssh = Client(program("ssh"), tmp_path, one, way)
        proxy, local = free_port(), free_port()
        process = await ssh.start(
            "-N",
            *("-L", f"{local}:127.0.0.1:{server.port}"),
            *("-L", f"{tmp_path}/to-there:{there}", "-L", f"{tmp_path}/to-shut:{shut}", "-D", f"127.0.0.1:{proxy}"),
            *("-R", f"{back}:127.0.0.1:{mine.port}", "-R", f"127.0.0.1:0:127.0.0.1:{mine.port}"),
        )
        try:
            port = await allocated(process)
            data = bytes(range(256)) * 2000
            assert await asked(local, data) == data * 2
            assert await asked(tmp_path / "to-there", data) == data * 2
            assert await asked(port, data) == data * 2
            assert await asked(back) == b"pingping"
            reader, writer = await dial(tmp_path / "to-shut")
            assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
            writer.close()
            assert await curl(program("curl"), proxy, f"http://127.0.0.1:{http}/") == (0, b"hello")
            assert await curl(program("curl"), proxy, "http://127.0.0.1:1/") == (PROXY, b"")
            assert await curl(program("curl"), proxy, f"http://127.0.0.2:{http}/") == (PROXY, b"")
            assert (never.come, mine.seen) == (0, [data, b"ping"])
        finally:
            process.terminate()
            await process.wait()
        assert await ssh.run("-W", f"127.0.0.1:{server.port}", given=b"in") == (0, b"inin", b"")
        status, out, err = await ssh.run("-W", "127.0.0.1:1", given=b"in")
        assert (status, out, b"administratively prohibited" in err) == (255, b"", True)
        status, _, err = await ssh.run("-N", "-R", "127.0.0.1:999:127.0.0.1:1")
        assert (status, b"remote port forwarding failed" in err) == (255, True)
        status, _, err = await ssh.run("-N", "-R", f"{tmp_path}/else.sock:127.0.0.1:1")
        assert (status, b"failed" in err, back.exists()) == (255, True, False)
