"""A node that is killed and comes back: what listens here stays, and what is asked meanwhile is answered."""

import asyncio
from pathlib import Path

from node.core.address import parse_host_port
from node.core.identity import Address
from node.quic.tls.keys import load_or_create_node_key
from tests.support.connecting import connect
from tests.support.forward_process import forwarding_process
from tests.support.openers import echoing

SECONDS = 90


async def echoed(address: Address, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(data)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(-1), SECONDS)
    writer.close()
    return answer


async def test_ports_here_and_there_outlive_a_node_that_is_killed(tmp_path: Path) -> None:
    mine = load_or_create_node_key(tmp_path / "mine")
    pin = load_or_create_node_key(tmp_path / "node").fingerprint
    async with echoing() as to:
        target = f"{to[0]}:{to[1]}"
        options = ("--forward", f"127.0.0.1:0:{target}", "--remote-forward", f"127.0.0.1:0:{target}", "--no-socks5")
        async with forwarding_process(tmp_path, mine.fingerprint) as port:
            at = ("127.0.0.1", port)
            command = connect(tmp_path, at, pin, "--identity", str(tmp_path / "mine"), *options)
            running = await command.__aenter__()
            local = parse_host_port(await running.says("forwarding on"))
            await running.says("the node listens on")
            assert await echoed(local, b"before") == b"before"
        try:
            meanwhile = asyncio.create_task(echoed(local, b"meanwhile"))
            async with forwarding_process(tmp_path, mine.fingerprint, port):
                assert await meanwhile == b"meanwhile"
                there = parse_host_port(await running.says("the node listens on"))
                assert await echoed(there, b"from there") == b"from there"
                assert await echoed(local, b"after") == b"after"
        finally:
            await command.__aexit__(None, None, None)
