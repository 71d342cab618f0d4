"""OpenSSH's sftp and scp, unchanged: on a stream of `alknet/sftp` by `sftp -D`, and through SSH."""

import asyncio
import os
import shlex
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncssh
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from node.assembly.sftp import subsystem
from node.core.address import format_host_port
from node.core.journal import NoJournal
from node.core.peers import PeerEntry
from node.handlers.sftp.handler import SftpHandler
from node.handlers.sftp.limits import BucketSettings, SftpLimits
from node.handlers.ssh.session import SubsystemSession
from node.quic.tls.keys import load_or_create_node_key
from tests.support.nc import ROOT
from tests.support.sftp import sftp_node
from tests.support.ssh import SshNode, bridged, named, ssh_node

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


@pytest.fixture
async def by_ssh(tmp_path: Path) -> AsyncIterator[tuple[SshNode, Path]]:
    root = tmp_path / "files"
    root.mkdir()

    async def serve(session: SubsystemSession) -> int:
        return await subsystem(handler, NoJournal())(session)

    async with ssh_node({"sftp": serve}) as node:
        handler = SftpHandler(node.store, SftpLimits(buckets={"files": BucketSettings(directory=root)}))
        entry = PeerEntry("ann", (named(node.ann),), scopes=("ssh:sftp", "sftp:*"), resources={"bucket": ("files",)})
        await node.store.put_peer(entry)
        yield node, root
    await handler.close()


def options(directory: Path, node: SshNode, port: int) -> list[str]:
    node.ann.write_private_key(directory / "key")
    (directory / "key").chmod(0o600)
    private = node.host_key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    host = asyncssh.import_private_key(private).export_public_key().decode()
    (directory / "known").write_text(f"[127.0.0.1]:{port} {host}")
    told = {"UserKnownHostsFile": str(directory / "known"), "IdentitiesOnly": "yes", "BatchMode": "yes"}
    return [
        "-F",
        "none",
        "-P",
        str(port),
        "-i",
        str(directory / "key"),
        *(f"-o{name}={it}" for name, it in told.items()),
    ]


async def test_sftp_through_ssh(program: Program, by_ssh: tuple[SshNode, Path], tmp_path: Path) -> None:
    node, root = by_ssh
    async with bridged(node) as port:
        command = [program("sftp"), *options(tmp_path, node, port), "-b", "SCRIPT", "ann@127.0.0.1"]
        await carry_out(root, tmp_path, *command)


async def test_scp_through_ssh(program: Program, by_ssh: tuple[SshNode, Path], tmp_path: Path) -> None:
    node, root = by_ssh
    for name in ("a", "b"):
        (tmp_path / "tree" / name).mkdir(parents=True)
        (tmp_path / "tree" / name / "file").write_bytes(os.urandom(300_000))
    async with bridged(node) as port:
        scp = [program("scp"), "-r", *options(tmp_path, node, port)]
        assert (await run(*scp, str(tmp_path / "tree"), "ann@127.0.0.1:/files/"))[0] == 0
        assert (await run(*scp, "ann@127.0.0.1:/files/tree", str(tmp_path / "back")))[0] == 0
        assert (await run(*scp, "ann@127.0.0.1:/elsewhere/x", str(tmp_path / "no")))[0] == 1
    for name in ("a", "b"):
        assert (tmp_path / "back" / name / "file").read_bytes() == (root / "tree" / name / "file").read_bytes()
