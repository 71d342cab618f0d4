"""What a session may hold and have open, and how long it may be silent."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from node.core.errors import StreamError
from node.core.identity import Identity
from node.handlers.sftp.codec import Status, encode, packets
from node.handlers.sftp.codec.extensions import (
    OFFERED,
)
from tests.support.quic import settled, soon
from tests.support.sftp import ALL, NEW, Failed, SftpWorld, refused, sftp_world


async def test_a_lost_connection_closes_every_file(world: SftpWorld) -> None:
    connection, serving = await world.connect()
    client = await world.session(connection)
    for number in range(5):
        await client.open(b"/files/%d" % number, NEW)
        await client.ask(packets.Write, b"\0" * 7 + b"\1", 0, bytes(1000))
    connection.close()
    await soon(asyncio.wait((serving,)))
    await settled(lambda: world.handler.snapshot()["open_files"] == 0)
    assert world.handler.snapshot()["held_bytes"] == 0
    assert world.handler.snapshot()["sessions"] == 0


async def test_a_client_that_reads_no_answers_is_read_no_further(tmp_path: Path) -> None:
    async with sftp_world(tmp_path, max_bytes=100_000, max_requests=8) as world:
        (world.files / "a").write_bytes(bytes(200_000))
        client = await world.session()
        handle = await client.open(b"/files/a")

        async def flood() -> None:
            while True:
                await client.ask(packets.Read, handle, 0, 40_000)

        flooding = asyncio.create_task(flood())
        await settled(lambda: world.handler.snapshot()["held_bytes"] > 50_000)
        for _ in range(20):
            await asyncio.sleep(0.01)
            assert world.handler.snapshot()["held_bytes"] <= 100_000
        assert world.handler.snapshot()["requests"] < 20
        flooding.cancel()


async def test_a_request_that_is_larger_than_the_bound_is_served_alone(tmp_path: Path) -> None:
    async with sftp_world(tmp_path, max_bytes=65_536) as world:
        client = await world.session()
        handle = await client.open(b"/files/a", NEW)
        asked = [await client.ask(packets.Write, handle, 0, bytes(200_000)) for _ in range(3)]
        for request in asked:
            await client.reply(request)


async def test_open_files_are_bounded_for_a_session_a_peer_and_all(tmp_path: Path) -> None:
    async with sftp_world(tmp_path, max_handles=3, max_open=8) as world:
        client, other = await world.session(), await world.session()
        handles = [await client.open(b"/files/a", NEW) for _ in range(3)]
        assert await refused(client.do(packets.Opendir, b"/files")) == Status.FAILURE
        await other.open(b"/files/a")
        assert await refused(other.do(packets.Opendir, b"/files")) == Status.FAILURE
        await client.do(packets.Close, handles[0])
        await other.do(packets.Opendir, b"/files")
        world.peer.identity = Identity("desktop", ALL, {"bucket": ("files",)})
        for client in (await world.session(), await world.session()):
            with contextlib.suppress(Failed):
                while True:
                    await client.open(b"/files/a")
        assert world.handler.snapshot()["open_files"] == 8


async def test_sessions_are_bounded_for_a_connection_a_peer_and_all(tmp_path: Path) -> None:
    async with sftp_world(tmp_path, max_per_connection=2, max_sessions=6) as world:
        for per_connection in (2, 1):
            connection, _ = await world.connect()
            for _ in range(per_connection):
                await world.session(connection)
            with pytest.raises((StreamError, EOFError)):
                await world.session(connection)
        world.peer.identity = Identity("desktop", ALL, {"bucket": ("files",)})
        await world.session()
        assert world.handler.snapshot()["turned_away"] == 2


@pytest.mark.parametrize("limit", ["start_timeout", "idle_timeout", "stall_timeout"])
async def test_a_session_in_which_nothing_moves_ends(tmp_path: Path, limit: str) -> None:
    async with sftp_world(tmp_path, **{limit: 0.05}) as world:
        connection, _ = await world.connect()
        stream = await connection.open_bi()
        if limit != "start_timeout":
            await stream.write(encode(packets.Init()))
            await soon(stream.read_exactly(len(encode(packets.Version(3, OFFERED)))))
        await stream.write(b"\0\0" if limit == "stall_timeout" else b"")
        with pytest.raises(StreamError):
            await soon(stream.read())
        assert world.handler.snapshot()["stalled"] == 1
