"""fail2ban-regex, unchanged, with the filters that are shipped, on lines that a node has written."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from bench.ssh_tunnel import Tunnel
from node.core.address import parse_host_port
from node.handlers.ssh.handler import ALPN
from node.quic.client.dial import dial_quic
from tests.support.node_process import ROOT, NodeProcess, running
from tests.support.quic import soon
from tests.support.ssh import ME, named

pytestmark = pytest.mark.interop
FILTERS = ROOT / "deploy" / "fail2ban"
PEER = '[[peers]]\npeer_id = "ann"\nfingerprints = ["{}"]\nscopes = ["ssh:exec:echo"]\n'
USERS = (
    "root",
    '", "result": "accept", "remote_addr": "192.0.2.9:1',
    "2001-01-01T00:00:00Z",
    '"timestamp": "2001-01-01T00:00:00Z"',
)
"""Names by which somebody may want to be taken for another, or for somebody of long ago."""


@contextlib.asynccontextmanager
async def signed_in(node: NodeProcess, key: asyncssh.SSHKey, user: str) -> AsyncIterator[asyncssh.SSHClientConnection]:
    host, port = parse_host_port(node.facts["address"])
    connection = await dial_quic(host=host, port=port, alpn=ALPN, key=None, pin=node.facts["fingerprint"], timeout=60)
    options: dict[str, Any] = {"client_keys": [key], "known_hosts": None, "config": None, "agent_path": None}
    try:
        async with asyncssh.connect("node", tunnel=Tunnel(connection), username=user, **options) as client:
            yield client
    finally:
        connection.close()
        await connection.wait_closed()


async def found(regex: str, log: Path, name: str) -> list[tuple[str, str]]:
    """Each address that the filter finds, and the year in which it does."""
    command = [regex, "--verbose", str(log), str(FILTERS / name)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    told, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, told.decode()
    return re.findall(r"^\|\s+([0-9a-f.:]+)  \w+ \w+ \d+ [0-9:]+ (\d+)$", told.decode(), re.MULTILINE)


async def test_it_finds_who_offers_strange_keys_and_who_asks_for_forwards(program: Any, tmp_path: Path) -> None:
    regex = program("fail2ban-regex")
    ann, stranger = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    (tmp_path / "peers.toml").write_text(PEER.format(named(ann)))
    given = {"SSH__ENABLED": "true", "SSH__USER": ME, "NODE__PEERS_FILE": str(tmp_path / "peers.toml")}
    settings = {f"ALKNET_{name}": value for name, value in {**given, "LOG__FORMAT": "json"}.items()}
    async with running(tmp_path / "data", **settings) as node:
        for user in USERS:
            with pytest.raises(asyncssh.PermissionDenied):
                async with signed_in(node, stranger, user):
                    pass
        async with signed_in(node, ann, "x") as client:
            with pytest.raises(asyncssh.ChannelOpenError):
                await soon(client.open_connection("127.0.0.1", 9))
        await node.says('"result": "reject"', len(USERS))
        await node.says("forward refused")
    log = tmp_path / "log"
    log.write_text(node_log := (tmp_path / "data" / "node.log").read_text())
    year = re.findall(r'"timestamp": "(\d{4})-[^"]*", "message": "serving"', node_log)[0]
    assert await found(regex, log, "alknet-ssh.conf") == [("127.0.0.1", year)] * len(USERS)
    assert await found(regex, log, "alknet-ssh-forward.conf") == [("127.0.0.1", year)]
    log.write_text(node_log.replace('"127.0.0.1:', '"[2001:db8::7]:'))
    assert await found(regex, log, "alknet-ssh.conf") == [("2001:db8::7", year)] * len(USERS)
