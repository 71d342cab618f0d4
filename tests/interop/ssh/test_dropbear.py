"""dropbear's dbclient, unchanged, over QUIC and over TCP."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.ssh import bridged, ssh_node

pytestmark = pytest.mark.interop


async def run(*command: str, given: bytes = b"") -> tuple[int | None, bytes, bytes]:
    pipe = asyncio.subprocess.PIPE
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
    out, err = await asyncio.wait_for(process.communicate(given), 60)
    return process.returncode, out, err


async def test_dbclient_runs_what_is_allowed_and_nothing_else(program: Any, tmp_path: Path) -> None:
    client, convert = program("dbclient"), program("dropbearconvert")
    data = os.urandom(3_000_000)
    async with ssh_node(scopes=("ssh:exec:sh", "ssh:exec:cat")) as node, bridged(node) as over_quic:
        node.ann.write_private_key(tmp_path / "key")
        assert (await run(convert, "openssh", "dropbear", str(tmp_path / "key"), str(tmp_path / "own")))[0] == 0
        for port in (over_quic, node.tcp.address[1]):
            ssh = [client, "-y", "-y", "-i", str(tmp_path / "own"), "-p", str(port), "any@127.0.0.1"]
            status, out, err = await run(*ssh, "sh -c 'cat; exit 7'", given=b"in")
            assert (status, out) == (7, b"in"), err
            status, out, _ = await run(*ssh, "cat", given=data)
            assert (status, out == data) == (0, True)
            assert (await run(*ssh, "id"))[:2] == (126, b"")
