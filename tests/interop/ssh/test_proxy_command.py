"""OpenSSH through `alknet nc`, by the lines that `alknet ssh-config` prints; and a shell's pipe and socat."""

import asyncio
import hashlib
import os
import shlex
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from node.core.address import format_host_port
from tests.support.appliance import environment
from tests.support.nc import ROOT, nc_node
from tests.support.ssh import ssh_node

pytestmark = pytest.mark.interop


def script(path: Path, *words: str) -> Path:
    """A program of this name that runs these words, with whatever arguments it is given, in the project."""
    path.write_text(f'#!/bin/sh\ncd {shlex.quote(str(ROOT))} && exec {shlex.join(words)} "$@"\n')
    path.chmod(stat.S_IRWXU)
    return path


def alknet(path: Path) -> Path:
    """The command, installed under this name."""
    return script(
        path, sys.executable, "-c", "import sys; from node.cli.main import main; del sys.argv[0]; main()", str(path)
    )


async def run(*command: str | Path, given: bytes = b"", **more: str) -> tuple[int | None, bytes, bytes]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdin=pipe, stdout=pipe, stderr=pipe, env=environment(**more), cwd=ROOT
    )
    out, err = await asyncio.wait_for(process.communicate(given), 60)
    return process.returncode, out, err


async def test_ssh_comes_through_nc_by_the_printed_lines(program: Any, tmp_path: Path) -> None:
    """The command's path has what a shell and OpenSSH would each take for something else."""
    home = tmp_path / "home"
    named = alknet(tmp_path / "it's 100%h $HOME")
    async with ssh_node(scopes=("ssh:exec:sh", "ssh:exec:cat")) as node:
        address = format_host_port(node.listener.address)
        trusted = await run(named, "trust", address, node.node_key.fingerprint, XDG_CONFIG_HOME=str(home))
        assert trusted[0] == 0, trusted
        node.ann.write_private_key(home / "alknet" / "identity")
        (home / "alknet" / "identity").chmod(0o600)
        lines = await run(named, "ssh-config", address, "--as", "box", XDG_CONFIG_HOME=str(home), HOME=str(home))
        assert lines[0] == 0, lines
        own = f"UserKnownHostsFile {tmp_path}/known\nBatchMode yes\nIdentitiesOnly yes\nLogLevel ERROR\n"
        (tmp_path / "config").write_bytes(own.encode() + lines[1])
        ssh = (program("ssh"), "-F", tmp_path / "config", "box")
        where = {"XDG_CONFIG_HOME": str(home)}
        assert await run(*ssh, "sh -c 'cat; exit 7'", given=b"in", **where) == (7, b"in", b"")
        data = os.urandom(1 << 20) * 5
        status, out, _ = await run(*ssh, "cat", given=data, **where)
        assert (status, hashlib.sha256(out).digest()) == (0, hashlib.sha256(data).digest())


async def test_a_pipe_of_a_shell_passes_both_ends_on(tmp_path: Path) -> None:
    async with nc_node(tmp_path / "home") as node:
        nc = shlex.join(node.command("echo"))
        status, out, err = await run("sh", "-c", f"head -c 3000000 /dev/zero | {nc} | wc -c")
        assert (status, out.strip(), err) == (0, b"3000000", b"")


async def test_socat_listens_for_programs_that_can_only_dial(program: Any, tmp_path: Path) -> None:
    async with nc_node(tmp_path / "home") as node:
        nc = script(tmp_path / "nc", *node.command("echo"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        listen = f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr"
        with subprocess.Popen([program("socat"), "-t", "30", listen, f"EXEC:{nc}"], env=node.environment()) as socat:
            try:
                assert await echoed(port, b"hello" * 1000) == b"hello" * 1000
            finally:
                socat.terminate()


async def echoed(port: int, data: bytes) -> bytes:
    async with asyncio.timeout(60):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
        writer.write(data)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return answer
