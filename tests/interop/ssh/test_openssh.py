"""OpenSSH's ssh, unchanged, against the node's SSH over QUIC; and what ssh-audit says of it."""

import asyncio
import contextlib
import hashlib
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncssh
import pytest

from tests.support.quic import soon
from tests.support.ssh import SshNode, bridged, ssh_node

pytestmark = pytest.mark.interop
Way = Callable[[SshNode], contextlib.AbstractAsyncContextManager[int]]
FAILED = 255
"""Exit status of ssh itself."""


@contextlib.asynccontextmanager
async def tcp(node: SshNode) -> AsyncIterator[int]:
    yield node.tcp.address[1]


@pytest.fixture(params=[bridged, tcp], ids=["quic", "tcp"])
def way(request: pytest.FixtureRequest) -> Way:
    """A port of the loopback that leads to the node: by its QUIC port, and by its own TCP port."""
    way: Way = request.param
    return way


class OpenSsh:
    """Runs ssh with a key file and a file of known hosts of its own, and nothing of the user's."""

    def __init__(self, path: str, directory: Path, node: SshNode, port: int) -> None:
        node.ann.write_private_key(directory / "key")
        (directory / "key").chmod(0o600)
        host = asyncssh.import_private_key(_openssh(node)).export_public_key().decode()
        (directory / "known").write_text(f"[127.0.0.1]:{port} {host}")
        self._command = [path, "-F", "none", "-p", str(port), "-i", str(directory / "key"), "-o", "BatchMode=yes",
                         "-o", f"UserKnownHostsFile={directory / 'known'}", "-o", "IdentitiesOnly=yes",
                         "-o", "StrictHostKeyChecking=yes", "127.0.0.1"]  # fmt: skip

    async def run(self, *words: str, given: bytes = b"", options: tuple[str, ...] = ()) -> tuple[int, bytes, bytes]:
        command = [*self._command[:-1], *options, self._command[-1], *words]
        pipe = asyncio.subprocess.PIPE
        environment = {"PATH": os.environ["PATH"], "LANG": "C"}
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
        out, err = await asyncio.wait_for(process.communicate(given), 60)
        return process.returncode or 0, out, err


def _openssh(node: SshNode) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return node.host_key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


async def test_ssh_runs_what_is_allowed_and_nothing_else(program, tmp_path: Path, way: Way) -> None:
    async with ssh_node(scopes=("ssh:exec:sh", "ssh:exec:cat")) as node, way(node) as port:
        ssh = OpenSsh(program("ssh"), tmp_path, node, port)
        assert await ssh.run("sh -c 'cat; echo err >&2; exit 7'", given=b"in") == (7, b"in", b"err\n")
        status, out, err = await ssh.run("id")
        assert (status, out, b"not allowed" in err) == (126, b"", True)
        assert (await ssh.run())[0] != 0
        assert (await ssh.run(options=("-tt",)))[0] != 0
        assert (await ssh.run("sftp", options=("-s",)))[1] == b""
        status, out, err = await ssh.run("cat", given=b"x", options=("-A", "-X"))
        assert (status, out) == (0, b"x")


async def test_ssh_has_a_shell_in_a_terminal_where_that_is_allowed(program, tmp_path: Path, way: Way) -> None:
    async with ssh_node(shell="/bin/sh", scopes=("ssh:shell", "ssh:exec:sh")) as node, way(node) as port:
        ssh = OpenSsh(program("ssh"), tmp_path, node, port)
        status, out, _ = await ssh.run(options=("-tt",), given=b"echo $((6 * 7)) $TERM; tty; exit 9\n")
        assert (status, b"42 " in out, b"/dev/pts/" in out) == (9, True, True)
        status, out, _ = await ssh.run("sh -c 'tty; exit 3'", options=("-tt",))
        assert (status, out.startswith(b"/dev/pts/")) == (3, True)
        assert await ssh.run(options=("-T",), given=b"echo in; exit 2\n") == (2, b"in\n", b"")


async def test_ssh_moves_much_both_ways(program, tmp_path: Path, way: Way) -> None:
    data = os.urandom(1 << 20) * 20
    async with ssh_node() as node, way(node) as port:
        status, out, _ = await OpenSsh(program("ssh"), tmp_path, node, port).run("cat", given=data)
        assert (status, hashlib.sha256(out).digest()) == (0, hashlib.sha256(data).digest())


async def test_ssh_signs_in_by_a_certificate(program, tmp_path: Path, way: Way) -> None:
    authority = asyncssh.generate_private_key("ssh-ed25519")
    authority.write_private_key(tmp_path / "authority")
    (tmp_path / "authority").chmod(0o600)
    line = authority.export_public_key().decode()
    async with ssh_node(cert_authorities=(line,)) as node, way(node) as port:
        ssh = OpenSsh(program("ssh"), tmp_path, node, port)
        node.ann.write_public_key(tmp_path / "key.pub")
        await node.know("ssh:exec:echo", key=asyncssh.generate_private_key("ssh-ed25519"))
        assert (await ssh.run("echo in"))[0] == FAILED
        sign = [program("ssh-keygen"), "-q", "-s", tmp_path / "authority", "-I", "a", "-n", "ann", "-V", "+1h"]
        made = await asyncio.create_subprocess_exec(*map(str, sign), str(tmp_path / "key.pub"))
        assert await soon(made.wait()) == 0
        assert (await ssh.run("echo in"))[0] == FAILED
        assert (await ssh.run("echo in", options=("-l", "ann")))[:2] == (0, b"in\n")


async def test_ssh_with_a_strangers_key_is_refused(program, tmp_path: Path, way: Way) -> None:
    async with ssh_node() as node, way(node) as port:
        ssh = OpenSsh(program("ssh"), tmp_path, node, port)
        await node.know("ssh:exec:*", key=asyncssh.generate_private_key("ssh-ed25519"))
        status, _, err = await ssh.run("true")
        assert (status, b"Permission denied (publickey)" in err) == (FAILED, True)


@pytest.mark.parametrize("key_exchange", ["any", "post-quantum"])
async def test_ssh_audit_finds_nothing_to_mend(program, key_exchange: str, way: Way) -> None:
    """Newer ones warn of whatever no quantum computer has broken yet: curve25519 is for clients that know no other."""
    async with ssh_node(key_exchange=key_exchange) as node, way(node) as port:
        command = [program("ssh-audit"), "-j", "-p", str(port), "127.0.0.1"]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        out, _ = await soon(process.communicate())
        found = json.loads(out)
        named = [entry for kind in ("kex", "key", "enc", "mac") for entry in found[kind]]
        wrong = {entry["algorithm"] for entry in named if entry.get("notes", {}).keys() & {"fail", "warn"}}
        assert wrong <= ({"curve25519-sha256", "curve25519-sha256@libssh.org"} if key_exchange == "any" else set())
        assert {"kex-strict-s-v00@openssh.com", "mlkem768x25519-sha256"} <= {entry["algorithm"] for entry in named}
