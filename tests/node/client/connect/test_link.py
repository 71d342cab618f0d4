"""One SSH connection to a node, and its channels as streams."""

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any

import pytest

from node.client.connect.channel import ChannelStream
from node.client.connect.link import SshLink
from node.client.connect.sign_in import AnotherHostKey, SignInRefused
from node.client.opener import OpenFailed
from node.client.relay import reset
from node.core.errors import ConnectionClosed, StreamClosed
from node.quic.tls.keys import NodeKey, load_node_key
from tests.support.far_ssh import far_ssh
from tests.support.forwards import forward_node
from tests.support.openers import echoing
from tests.support.quic import read_all, settled, soon


async def test_a_channel_carries_bytes_and_ends_both_ways() -> None:
    data = os.urandom(5_000_000)
    async with far_ssh() as far, echoing() as to:
        link = await far.link()
        stream = await link.open(*to)
        reading = asyncio.create_task(read_all(stream))
        for start in range(0, len(data), 65_536):
            await soon(stream.write(data[start : start + 65_536]))
        stream.finish()
        assert await soon(reading) == data
        await soon(stream.stopped())  # both ends have come: the channel closes by itself
        link.close()


async def test_what_the_node_refuses_is_not_open() -> None:
    async with far_ssh() as far:
        far.lets_through = False
        link = await far.link()
        with pytest.raises(OpenFailed):
            await link.open("box", 80)
        assert far.asked == [("box", 80)]
        link.close()


async def test_a_channel_that_nobody_waits_for_any_more_is_not_left_open() -> None:
    async with far_ssh() as far:
        met: list[Any] = []
        server = await asyncio.start_server(lambda *both: met.append(both), "127.0.0.1", 0)
        link = await far.link()
        opening = asyncio.create_task(link.open(*server.sockets[0].getsockname()))
        await settled(lambda: far.asked)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await settled(lambda: met)
        with contextlib.suppress(ConnectionResetError):
            assert await soon(met[0][0].read()) == b""
        met[0][1].transport.abort()
        link.close()
        server.close()


async def test_a_link_that_is_cut_breaks_its_channels_and_opens_no_more() -> None:
    async with far_ssh() as far, echoing() as to:
        link = await far.link()
        stream = await link.open(*to)
        reading = asyncio.create_task(stream.read())
        far.cut()
        assert (await soon(link.wait_closed())).reason == "cut"
        with pytest.raises(StreamClosed):
            await soon(reading)
        with pytest.raises(StreamClosed):
            await soon(stream.write(b"x"))
        with pytest.raises(ConnectionClosed):
            await soon(link.open(*to))


async def test_a_writer_waits_for_a_far_end_that_does_not_read() -> None:
    async with far_ssh() as far:
        met: list[Any] = []
        server = await asyncio.start_server(lambda *both: met.append(both), "127.0.0.1", 0, limit=4096)
        link = await far.link()
        stream = await link.open(*server.sockets[0].getsockname())
        with pytest.raises(TimeoutError):
            for _ in range(512):
                async with asyncio.timeout(1):
                    await stream.write(bytes(65_536))
        link.close()
        met[0][1].transport.abort()
        server.close()


async def test_ports_on_the_node_lead_here() -> None:
    async with far_ssh() as far:
        link = await far.link()
        streams: list[ChannelStream] = []

        async def accept(stream: ChannelStream) -> None:
            if streams:
                raise OpenFailed
            streams.append(stream)

        listener = await link.listen(("127.0.0.1", 0), accept)
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.get_port())
        writer.write(b"hello")
        await settled(lambda: streams and streams[0].is_open)
        assert await soon(streams[0].read()) == b"hello"
        await streams[0].write(b"you")
        streams[0].finish()
        assert await soon(reader.read(-1)) == b"you"
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.get_port())
        with contextlib.suppress(ConnectionResetError):
            assert await soon(reader.read(-1)) == b""
        writer.close()
        far.listens = False
        with pytest.raises(OpenFailed):
            await link.listen(("127.0.0.1", 0), accept)
        link.close()


async def test_a_key_that_is_not_taken_and_another_host_key_are_told_apart() -> None:
    async with far_ssh() as far:
        host_key = far.host_key.export_public_key().decode()
        (await far.link(host_key=host_key)).close()
        other = f"ssh-ed25519 {'AAAAC3NzaC1lZDI1NTE5AAAAI' + 'A' * 43}"
        with pytest.raises(AnotherHostKey):
            await far.link(host_key=other)
        far.takes_keys = False
        with pytest.raises(SignInRefused):
            await far.link(NodeKey.generate())


async def test_a_host_that_breaks_does_not_look_like_an_end(tmp_path: Path) -> None:
    """Through the node's own handler: what it has said before is lost or not, but never taken for all."""
    met: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: met.append(writer), "127.0.0.1", 0)
    async with forward_node("127.0.0.0/8") as one:
        one.node.ann.write_private_key(tmp_path / "key")
        (tmp_path / "key").chmod(0o600)
        key = load_node_key(tmp_path / "key")
        link = await SshLink.over(await one.node.dial(key), key, None, 20)
        stream = await link.open(*server.sockets[0].getsockname())
        await settled(lambda: met)
        met[0].write(b"half")
        assert await soon(stream.read()) == b"half"
        reset(met[0])
        with pytest.raises(StreamClosed):
            await soon(stream.read())
        with pytest.raises(StreamClosed):
            await soon(stream.write(b"x"))
        link.close()
    server.close()
