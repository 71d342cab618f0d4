"""SSH of a node that runs as a process of its own, as its settings and its file of peers have it."""

import signal
from pathlib import Path

import asyncssh

from bench.ssh_tunnel import Tunnel
from node.core.address import parse_host_port
from node.handlers.ssh.handler import ALPN
from node.quic.client.dial import dial_quic
from tests.support.node_process import running
from tests.support.quic import settled, soon
from tests.support.ssh import ME, named

PEER = '[[peers]]\npeer_id = "ann"\nfingerprints = ["{}"]\nscopes = ["ssh:exec:echo"]\n'


async def test_a_node_serves_ssh_and_follows_its_peers(tmp_path: Path) -> None:
    host, ann = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    (tmp_path / "host").touch(0o600)
    host.write_private_key(tmp_path / "host")
    (tmp_path / "peers.toml").write_text(PEER.format(named(ann)))
    given = {"ENABLED": "true", "HOST_KEY": str(tmp_path / "host"), "PROGRAMS": "/bin/echo,/bin/cat", "USER": ME}
    settings = {f"ALKNET_SSH__{name}": value for name, value in given.items()}
    async with running(tmp_path / "data", ALKNET_NODE__PEERS_FILE=str(tmp_path / "peers.toml"), **settings) as node:
        address, port = parse_host_port(node.facts["address"])
        connection = await dial_quic(
            host=address, port=port, alpn=ALPN, key=None, pin=node.facts["fingerprint"], timeout=60
        )
        options = {"client_keys": [ann], "config": None, "agent_path": None, "username": "x"}
        known = asyncssh.import_known_hosts(f"node {host.export_public_key().decode()}")
        async with asyncssh.connect("node", tunnel=Tunnel(connection), known_hosts=known, **options) as ssh:
            assert (await soon(ssh.run("echo it is me"))).stdout == "it is me\n"
            assert (await soon(ssh.run("cat secret"))).exit_status == 126
            (tmp_path / "peers.toml").write_text("")
            node.process.send_signal(signal.SIGHUP)
            await soon(ssh.wait_closed())
        await settled(lambda: node.text().count("connection closed"))
        assert "auth attempt" in node.text()
        for told in ("secret", "it is me", "Command"):
            assert told not in node.text()
