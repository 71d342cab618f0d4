"""Much through the node's SSH, by its QUIC port and by its TCP port: whole, and with little of it held by the node."""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from bench.child import Child, running
from bench.ssh_client import Ways
from node.core.paths import DataPaths
from tests.support.benches import linux_only

pytestmark = [pytest.mark.soak, linux_only, pytest.mark.parametrize("way", ["quic", "tcp"])]
MIB = 1024 * 1024
GIB = 1024 * MIB
BOUND = 16 * MIB
"""Bytes by which the node may grow."""
PATIENCE = 1200.0


@contextlib.asynccontextmanager
async def connected(directory: Path, way: str) -> AsyncIterator[tuple[asyncssh.SSHClientConnection, Child]]:
    """A client that is signed in, and the node, which is a process of its own."""
    (directory / "served" / "files").mkdir(parents=True)
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(directory / "key")
    key.write_public_key(directory / "key.pub")
    async with running(DataPaths(directory / "data"), "-m", "bench.ssh_server", str(directory)) as node:
        port, pin, *ports = (await node.line()).split()
        ways = Ways(directory / "key", int(port), pin, *map(int, ports))
        async with ways.ways[way]() as connection, asyncio.timeout(PATIENCE):
            yield connection, node


async def memory(node: Child) -> int:
    """Bytes that the node has in RAM."""
    await node.say("memory")
    return int(await node.line())


async def test_what_goes_in_comes_out(way: str, tmp_path: Path) -> None:
    piece = os.urandom(MIB)
    async with connected(tmp_path, way) as (client, _), client.create_process("cat", encoding=None) as process:
        sending = asyncio.create_task(send(process, piece, 100))
        came, count = hashlib.sha256(), 0
        while data := await process.stdout.read(65_536):
            came.update(data)
            count += len(data)
        await sending
        assert (count, came.digest()) == (100 * MIB, hashlib.sha256(piece * 100).digest())
        assert (await process.wait()).exit_status == 0


async def send(process: "asyncssh.SSHClientProcess[bytes]", piece: bytes, times: int) -> None:
    for _ in range(times):
        process.stdin.write(piece)
        await process.stdin.drain()
    process.stdin.write_eof()


async def test_keys_are_exchanged_anew_after_a_gibibyte(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchanges: list[Any] = []
    begin = asyncssh.SSHClientConnection._send_kexinit  # type: ignore[attr-defined]
    monkeypatch.setattr(
        asyncssh.SSHClientConnection, "_send_kexinit", lambda self: (exchanges.append(self), begin(self)), raising=False
    )
    size = GIB + 100 * MIB
    async with connected(tmp_path, way) as (client, _):
        assert len(exchanges) == 1
        async with client.create_process(f"head -c {size} /dev/zero", encoding=None) as process:
            count = 0
            while data := await process.stdout.read(65_536):
                assert not data.strip(b"\0")
                count += len(data)
        assert (count, len(exchanges)) == (size, 2)
        assert (await client.run("wc -c", input=bytes(5), encoding=None)).stdout == b"5\n"


async def test_a_client_that_does_not_read_has_little_held_for_it(way: str, tmp_path: Path) -> None:
    async with connected(tmp_path, way) as (client, node):
        await client.run(f"head -c {20 * MIB} /dev/zero", encoding=None)
        before = await memory(node)
        async with client.create_process(f"head -c {GIB} /dev/zero", encoding=None) as process:
            assert await process.stdout.readexactly(MIB)
            client._transport.pause_reading()  # type: ignore[union-attr]  # so that the stream itself fills, too
            assert await grown(node, before) < BOUND
            client._transport.resume_reading()  # type: ignore[union-attr]
            assert await process.stdout.readexactly(20 * MIB)
            assert await grown(node, before) < BOUND
            process.close()


async def test_a_program_that_does_not_read_has_little_held_for_it(way: str, tmp_path: Path) -> None:
    async with connected(tmp_path, way) as (client, node):
        await client.run("wc -c", input=bytes(20 * MIB), encoding=None)
        before = await memory(node)
        async with client.create_process("sleep 600", encoding=None) as process:
            sending = asyncio.create_task(send(process, bytes(MIB), 1024))
            assert await grown(node, before) < BOUND
            assert not sending.done()
            sending.cancel()
            process.channel.abort()  # what waits to be sent would hold the channel open
            await asyncio.gather(sending, return_exceptions=True)


async def grown(node: Child, before: int) -> int:
    """By how many bytes more it has grown at most, in five seconds."""
    found = []
    for _ in range(20):
        found.append(await memory(node))
        await asyncio.sleep(0.25)
    print(f"grown by {(max(found) - before) / MIB:.1f} MiB")
    return max(found) - before
