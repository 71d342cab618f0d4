"""What a handler may rely on in every transport (spec core §4): resets, failures and the end of all."""

import asyncio

import pytest

from node.core.errors import ConnectionClosed, StreamClosed, StreamError
from node.socket_stream import SocketStream
from tests.support.connections import Pair, spoken


async def test_the_end_is_seen_without_another_read_where_streams_tell(pair: Pair) -> None:
    client, server = pair
    stream = await client.open_bi()
    await stream.write_last(b"question")
    other = await server.accept_bi()
    assert await other.peek(100) == b"question"
    assert (other.at_end, await other.read(), other.at_end) == (False, b"question", True)
    looking = asyncio.create_task(stream.peek(1))
    await asyncio.sleep(0)
    other.reset()
    assert await looking == b""
    assert not stream.at_end
    with pytest.raises(StreamError):
        await stream.read()


async def test_a_reset_wakes_the_reader_and_refuses_the_writer(pair: Pair) -> None:
    client, server = pair
    stream = await client.open_bi()
    await stream.write(b"x")
    other = await server.accept_bi()
    await other.read()
    reading = asyncio.create_task(other.read())
    await asyncio.sleep(0)
    stream.reset(5)
    with pytest.raises(StreamClosed):
        await reading
    with pytest.raises(StreamClosed):
        while True:
            await other.write(b"y")
            await asyncio.sleep(0.01)
    again = await client.open_bi()
    await again.write(b"alive")
    assert await (await server.accept_bi()).read_exactly(5) == b"alive"


async def test_a_failure_is_told_to_who_neither_reads_nor_writes(pair: Pair) -> None:
    client, server = pair
    stream = await client.open_bi()
    await stream.write(b"unread")
    other = await server.accept_bi()
    waits = [asyncio.create_task(wait) for wait in (other.broken(), other.stopped())]
    await asyncio.sleep(0.01)
    assert not any(wait.done() for wait in waits)
    stream.reset(5)
    assert [getattr(await wait, "code", None) for wait in waits] == [5, 5]
    assert isinstance(await other.broken(), StreamClosed)


async def test_one_who_reads_no_more_may_still_write(pair: Pair) -> None:
    client, server = pair
    stream = await client.open_bi()
    await stream.write(b"unread")
    other = await server.accept_bi()
    reading = asyncio.create_task(stream.read())
    other.stop_reading(6)
    with pytest.raises(StreamClosed):
        await other.read()
    assert getattr(await stream.stopped(), "code", None) == 6
    with pytest.raises(StreamClosed):
        await stream.write(b"x")
    await other.write_last(b"answer")
    assert await reading == b"answer"
    assert await stream.read() == b""


async def test_what_was_delivered_outlives_the_connection_and_what_was_not_is_told(any_pair: Pair) -> None:
    client, server = any_pair
    stream = await spoken(client)
    await stream.write(b"x" * 50_000)
    other = await server.accept_bi()
    assert len(await other.read_exactly(50_000)) == 50_000
    await stream.delivered()
    await stream.write_last(b"y")
    assert await other.read() == b"y"
    await stream.delivered()
    if isinstance(other, SocketStream):
        return  # the system sees to it
    waiting = asyncio.create_task(other.write_last(b"z" * 10_000_000))
    stream.reset(1)
    with pytest.raises(StreamError):
        await waiting
    with pytest.raises(StreamError):
        await other.delivered()


async def test_a_close_reaches_everyone_with_its_code_and_reason(pair: Pair) -> None:
    client, server = pair
    stream = await client.open_bi()
    await stream.write(b"x")
    await server.accept_bi()
    waits = [asyncio.create_task(wait) for wait in (stream.read(), client.accept_bi(), client.wait_closed())]
    await asyncio.sleep(0.01)
    server.close(0x41, "revoked: peer disabled")
    server.close(0, "again")
    ends = await asyncio.gather(*waits, return_exceptions=True)
    assert all(isinstance(end, ConnectionClosed) for end in ends), ends
    assert {(end.code, end.reason) for end in ends if isinstance(end, ConnectionClosed)} == {
        (0x41, "revoked: peer disabled")
    }
    assert (await server.wait_closed()).code == 0x41
    for connection in pair:
        with pytest.raises(StreamError):
            await connection.open_bi()
        with pytest.raises(ConnectionClosed):
            await connection.accept_bi()
