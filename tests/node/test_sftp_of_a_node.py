"""SFTP of a node that runs as a process of its own, as its settings and its file of peers have it."""

import asyncio
import json
import signal
from pathlib import Path

from node.core.address import parse_host_port
from node.handlers.sftp.codec import Status, packets
from node.handlers.sftp.handler import ALPN
from node.quic.client.dial import dial_quic
from node.quic.tls.keys import NodeKey
from tests.support.node_process import running
from tests.support.sftp import Failed, RawSftp

PEER = '[[peers]]\npeer_id = "ann"\nfingerprints = ["{}"]\nscopes = ["{}"]\nresources = {{ bucket = ["files"] }}\n'


async def test_a_node_serves_its_buckets_and_follows_its_peers(tmp_path: Path) -> None:
    key = NodeKey.generate()
    peers = tmp_path / "peers.toml"
    peers.write_text(PEER.format(key.fingerprint, "sftp:*"))
    (tmp_path / "files").mkdir()
    buckets = {"files": {"directory": str(tmp_path / "files")}, "own": {"directory": str(tmp_path)}}
    given = {"ALKNET_NODE__PEERS_FILE": str(peers), "ALKNET_SFTP__BUCKETS": json.dumps(buckets)}
    async with running(tmp_path / "data", **given) as node:
        host, port = parse_host_port(node.facts["address"])
        dialled = {"host": host, "port": port, "alpn": ALPN, "pin": node.facts["fingerprint"], "timeout": 20}
        connection = await dial_quic(key=key, **dialled)
        client = RawSftp(await connection.open_bi())
        await client.begin()
        assert await client.names(b"/") == [b"files"]
        await client.put(b"/files/private-name", b"content")
        assert await client.get(b"/files/private-name") == b"content"
        handle = await client.open(b"/files/private-name")
        peers.write_text(PEER.format(key.fingerprint, "sftp:write"))
        node.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(60):
            while await allowed(client, handle):
                await asyncio.sleep(0.02)
        connection.close()
        assert "the node's own data" in node.text()
        assert "private-name" not in node.text()


async def allowed(client: RawSftp, handle: bytes) -> bool:
    """Whether a file that is open can still be read, which ends by a denial and nothing else."""
    try:
        await client.do(packets.Read, handle, 0, 1)
    except Failed as failed:
        assert failed.status == Status.PERMISSION_DENIED
        return False
    return True
