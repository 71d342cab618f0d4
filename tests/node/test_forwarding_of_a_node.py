"""Port forwarding of a node that runs as a process of its own: its rules are rows, followed while it forwards."""

import contextlib
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from bench.ssh_tunnel import Tunnel
from node.core.address import parse_host_port
from node.core.forwarding.rules import Placed, build_rule
from node.core.paths import DataPaths
from node.core.peers import PeerEntry
from node.handlers.ssh.forwarding.left import Left
from node.handlers.ssh.forwarding.sockets import Spot
from node.handlers.ssh.handler import ALPN
from node.quic.client.dial import dial_quic
from tests.support.forwards import EVERYWHERE, ask, doubling
from tests.support.node_process import running
from tests.support.quic import settled, soon
from tests.support.schema import put_peer, put_rule
from tests.support.sql_writer import sql_writer
from tests.support.ssh import named

PROHIBITED = asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED


def allowed(name: str, target: str) -> Any:
    return put_rule(Placed(1, build_rule(target=target, action="allow", rule_id=name)))


async def refused(opening: Any) -> int:
    with pytest.raises(asyncssh.ChannelOpenError) as told:
        await soon(opening)
    return told.value.code


async def test_a_rule_that_is_committed_lets_in_and_one_that_goes_takes_along_what_it_carried(tmp_path: Path) -> None:
    paths = DataPaths(tmp_path / "data")
    paths.data.mkdir()
    host, ann = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    (tmp_path / "host").touch(0o600)
    host.write_private_key(tmp_path / "host")
    settings = {"ALKNET_SSH__ENABLED": "true", "ALKNET_SSH__HOST_KEY": str(tmp_path / "host")}
    stale = tmp_path / "a.sock"
    with contextlib.closing(Spot(str(stale))) as spot, spot.bind(None):
        Left(paths.forwarded).note(spot)
        spot.made = None  # who is killed removes nothing
    assert stale.is_socket()
    with sql_writer(paths.database) as writer:
        writer.migrate()
        writer.commit(put_peer(PeerEntry("ann", (named(ann),), scopes=EVERYWHERE)))
        async with running(paths.data, **settings) as node, doubling() as server, doubling() as other:
            assert not stale.exists()
            address, port = parse_host_port(node.facts["address"])
            pin = node.facts["fingerprint"]
            connection = await dial_quic(host=address, port=port, alpn=ALPN, key=None, pin=pin, timeout=60)
            options = {"client_keys": [ann], "config": None, "agent_path": None, "username": "x", "known_hosts": None}
            async with asyncssh.connect("node", tunnel=Tunnel(connection), **options) as ssh:
                assert await refused(ssh.open_connection("127.0.0.1", server.port)) == PROHIBITED
                writer.commit(
                    allowed("one", f"127.0.0.1:{server.port}"),
                    allowed("two", f"127.0.0.1:{other.port}"),
                    allowed("sockets", f"{paths.run}/*"),
                )
                lost = await soon(_once(ssh, server.port))
                kept = await soon(ssh.open_connection("127.0.0.1", other.port))
                assert await refused(ssh.open_unix_connection(str(paths.control_socket))) == PROHIBITED
                lost[1].write(b"x")
                await settled(lambda: server.open)
                writer.commit("DELETE FROM forwarding_rules WHERE id = 'one'")
                assert await soon(lost[0].read()) == b""
                await settled(lambda: server.seen == [b"broken"])
                assert await soon(ask(*kept)) == b"pingping"
                assert await refused(ssh.open_connection("127.0.0.1", server.port)) == PROHIBITED
            connection.close()
            await soon(connection.wait_closed())
            assert "forward refused" in node.text()


async def _once(ssh: Any, port: int) -> Any:
    """A connection as soon as the node has seen the rule."""
    while True:
        try:
            return await ssh.open_connection("127.0.0.1", port)
        except asyncssh.ChannelOpenError as error:
            assert error.code == PROHIBITED
