"""What carries one stream only, such as a socket of this machine, keeps to the same contract as far as it can."""

import asyncio

import pytest

from node.core.errors import ConnectionClosed, LastStream, StreamClosed
from tests.support.connections import Pair


async def test_a_transport_of_one_stream_gives_it_once(unix_pair: Pair) -> None:
    for connection in unix_pair:
        await connection.accept_bi()
        for _ in range(2):
            with pytest.raises(LastStream):
                await connection.accept_bi()
        with pytest.raises(StreamClosed):
            await connection.open_bi()


async def test_over_unix_a_reset_ends_the_reader_and_refuses_the_writer(unix_pair: Pair) -> None:
    """The kernel knows no reset of such a socket: where nothing was left unread the other side sees an end."""
    ours, theirs = [await connection.accept_bi() for connection in unix_pair]
    own = asyncio.create_task(ours.read())
    await asyncio.sleep(0)
    ours.reset(5)
    with pytest.raises(StreamClosed):
        await own
    for broken in (ours.read(), ours.write(b"x")):
        with pytest.raises(StreamClosed):
            await broken
    ours.finish()
    assert await theirs.read() == b""
    with pytest.raises(StreamClosed):
        while True:
            await theirs.write(b"y")
            await asyncio.sleep(0.01)


async def test_over_unix_a_reset_wakes_a_writer_that_waits(unix_pair: Pair) -> None:
    stream = await unix_pair[0].accept_bi()

    async def flood() -> None:
        while True:
            await stream.write(bytes(65_536))

    flooding = asyncio.create_task(flood())
    await asyncio.sleep(0.1)
    assert not flooding.done()
    stream.reset()
    with pytest.raises(StreamClosed):
        await flooding


async def test_over_unix_a_close_ends_both_sides(unix_pair: Pair) -> None:
    near, far = unix_pair
    ours, theirs = [await connection.accept_bi() for connection in unix_pair]
    near.close(0x43, "enough")
    assert (await near.wait_closed()).reason == "enough"
    with pytest.raises(ConnectionClosed):
        await near.accept_bi()
    with pytest.raises(StreamClosed):
        await ours.read()
    assert await theirs.read() == b""
    far.close()
