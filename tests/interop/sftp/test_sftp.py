"""OpenSSH's sftp, unchanged: on a stream of `alknet/sftp` by `sftp -D`, and through SSH."""

import asyncio
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from node.core.address import format_host_port
from node.quic.tls.keys import load_or_create_node_key
from tests.support.nc import ROOT
from tests.support.sftp import sftp_node
from tests.support.ssh_programs import machine

pytestmark = pytest.mark.interop
Program = Callable[[str], str]

SCRIPT = """\
cd /files
mkdir dir
put {mine} dir/a
get dir/a {back}
rename dir/a dir/b
chmod 600 dir/b
ln -s dir/b link
ln dir/b hard
ls -l
df
put -f {mine} c
rename c dir/b
-rm none
-get /files/../../../etc/passwd {back}.passwd
-put {mine} /elsewhere
rm hard
"""


async def run(*command: str, given: bytes = b"") -> tuple[int, str, str]:
    pipe = asyncio.subprocess.PIPE
    environment = {"PATH": os.environ["PATH"], "LANG": "C"}
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
    out, err = await asyncio.wait_for(process.communicate(given), 60)
    return process.returncode or 0, out.decode(), err.decode()


async def carry_out(root: Path, directory: Path, *command: str) -> None:
    """Run the script, and look at what it did."""
    content = os.urandom(2_000_000)
    mine, back = directory / "mine", directory / "back"
    mine.write_bytes(content)
    script = directory / "script"
    script.write_text(SCRIPT.format(mine=mine, back=back))
    words = [str(script) if word == "SCRIPT" else word for word in command]
    status, out, err = await run(*words)
    assert (status, back.read_bytes() == content) == (0, True), err
    assert not Path(f"{back}.passwd").exists()
    assert sorted(one.name for one in root.iterdir()) == ["dir", "link"]
    assert (root / "dir" / "b").read_bytes() == content
    assert (root / "link").readlink() == Path("dir/b")
    assert any(line.startswith("-rw-------") and line.endswith(" hard") for line in out.splitlines()), out
    assert "%" in out  # of df


async def test_sftp_on_a_stream_of_its_own(program: Program, tmp_path: Path) -> None:
    """By `alknet nc`, in a script, as `sftp -D` takes one program without arguments."""
    async with sftp_node(tmp_path / "files") as node:
        identity = tmp_path / "identity"
        node.peer_key = load_or_create_node_key(identity)
        await node.give("sftp:*")
        address, pin = format_host_port(node.listener.address), node.key.fingerprint
        nc = [sys.executable, "-m", "node.cli.main", "nc", "alknet/sftp", address, "--pin", pin]
        wrapper = tmp_path / "wrapper"
        wrapper.write_text(f"#!/bin/sh\ncd {ROOT} && exec {shlex.join([*nc, '--identity', str(identity)])}\n")
        wrapper.chmod(0o755)
        await carry_out(node.root, tmp_path, program("sftp"), "-D", str(wrapper), "-b", "SCRIPT")


@pytest.mark.parametrize("way", ["nc", "tcp"])
async def test_sftp_through_ssh(program: Program, tmp_path: Path, way: str) -> None:
    async with machine(tmp_path, way, "ssh:sftp") as here:
        sftp = [program("sftp"), "-F", str(here.config), "-b", "SCRIPT", "box"]
        await carry_out(here.files, tmp_path, *sftp)
