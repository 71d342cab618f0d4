"""What a handler may rely on in every transport (spec core §4): bytes, their order and their end."""

import asyncio

import pytest

from node.core.connection import IdentityAlreadySet
from node.core.errors import StreamClosed
from node.core.identity import Identity
from tests.support.connections import ALPN, Pair, spoken


async def test_bytes_arrive_whole_and_in_order(any_pair: Pair) -> None:
    client, server = any_pair
    sent = bytes(range(256)) * 2000
    stream = await spoken(client)

    async def send() -> None:
        for start in range(0, len(sent), 10_000):
            await stream.write(sent[start : start + 10_000])
        stream.finish()

    sending = asyncio.create_task(send())
    other = await server.accept_bi()
    received = bytearray()
    while part := await other.read(7_000):
        assert len(part) <= 7_000
        received += part
    assert received == sent
    await sending


async def test_each_direction_ends_on_its_own(any_pair: Pair) -> None:
    client, server = any_pair
    stream = await spoken(client)
    await stream.write(b"question")
    stream.finish()
    stream.finish()
    other = await server.accept_bi()
    assert await other.read_exactly(8) == b"question"
    assert await other.read() == b""
    await other.write(b"answer")
    other.finish()
    assert await stream.read_exactly(6) == b"answer"
    assert (await stream.read(), await stream.read()) == (b"", b"")
    with pytest.raises(StreamClosed):
        await stream.write(b"more")


async def test_a_look_ahead_takes_nothing_and_the_last_write_ends_its_direction(any_pair: Pair) -> None:
    client, server = any_pair
    stream = await spoken(client)
    await stream.write_last(b"question")
    other = await server.accept_bi()
    for _ in range(2):
        assert await other.peek(4) in (b"ques", b""), "b'' of a transport that cannot look ahead"
    assert not other.at_end
    assert await other.read_exactly(8) == b"question"
    assert await other.peek(4) == b""
    assert await other.read() == b""
    stream.finish()
    with pytest.raises(StreamClosed):
        await stream.write(b"more")
    await other.write_last(b"a" * 100_000)
    assert await stream.read_exactly(100_000) == b"a" * 100_000
    assert await stream.read() == b""


async def test_an_early_end_is_an_eof(any_pair: Pair) -> None:
    client, server = any_pair
    stream = await spoken(client)
    await stream.write(b"abc")
    stream.finish()
    with pytest.raises(EOFError):
        await (await server.accept_bi()).read_exactly(4)


async def test_either_side_opens_streams(pair: Pair) -> None:
    for ours, theirs in (pair, pair[::-1]):
        stream = await ours.open_bi()
        await stream.write(b"hello")
        assert await (await theirs.accept_bi()).read_exactly(5) == b"hello"


async def test_a_writer_waits_for_its_reader(any_pair: Pair) -> None:
    client, server = any_pair
    stream = await spoken(client)
    written = 0

    async def flood() -> None:
        nonlocal written
        while True:
            await stream.write(bytes(65_536))
            written += 65_536

    flooding = asyncio.create_task(flood())
    other = await server.accept_bi()
    before = -1
    while written != before:
        before = written
        await asyncio.sleep(0.2)
    assert written < 4 * 1024 * 1024
    for _ in range(200):
        await other.read()
    async with asyncio.timeout(60):
        while written == before:
            await asyncio.sleep(0.01)
            await other.read()
    flooding.cancel()


async def test_what_went_over_is_counted_once_where_it_is_counted(any_pair: Pair) -> None:
    client, server = any_pair
    stream = await spoken(client)
    await stream.write(b"x" * 5000)
    other = await server.accept_bi()
    await other.read_exactly(5000)
    if client.transferred is not None and server.transferred is not None:
        assert (client.transferred, server.transferred) == ((0, 5000), (5000, 0))
    await other.write(b"y" * 70)
    await stream.read_exactly(70)
    if client.transferred is not None and server.transferred is not None:
        assert (client.transferred, server.transferred) == ((70, 5000), (5000, 70))


async def test_an_identity_is_written_once(any_pair: Pair) -> None:
    _, server = any_pair
    assert (server.remote_alpn, server.identity) == (ALPN, None)
    server.set_identity(Identity("ann"))
    with pytest.raises(IdentityAlreadySet):
        server.set_identity(Identity("bob"))
    assert server.identity == Identity("ann")
