"""The SOCKS5 server on a real port: what comes through it, what breaks, and what it bounds."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from node.client.local_port import LocalPort
from node.client.socks5.server import SocksLimits, SocksServer
from node.core.address import parse_host_port
from node.core.socks5.wire import Login
from tests.support.openers import DirectOpener, echoing
from tests.support.quic import settled, soon

ASK = bytes.fromhex("050100") + bytes.fromhex("05010003") + b"\x03box" + bytes.fromhex("0050")
GRANTED = bytes.fromhex("0500") + bytes.fromhex("05000001000000000000")
REFUSED = bytes.fromhex("0500") + bytes.fromhex("05050001000000000000")


@contextlib.asynccontextmanager
async def proxy(opener: Any, most: int = 10, **limits: Any) -> AsyncIterator[LocalPort]:
    server = SocksServer(opener, limits=SocksLimits(**limits))
    port = await LocalPort.bind(("127.0.0.1", 0), server.serve, most)
    try:
        yield port
    finally:
        await port.close()
        if isinstance(opener, DirectOpener):
            opener.close()


@contextlib.asynccontextmanager
async def dialled(port: LocalPort) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*parse_host_port(port.addresses[0]))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def test_bytes_and_ends_go_both_ways_and_the_name_goes_on_unresolved() -> None:
    data = os.urandom(1_000_000)
    async with echoing() as far, proxy(opener := DirectOpener(far)) as port, dialled(port) as (reader, writer):
        writer.write(ASK + data[:100])  # a client that waits for no answer
        assert await soon(reader.readexactly(len(GRANTED))) == GRANTED
        writer.write(data[100:])
        writer.write_eof()
        assert await soon(reader.read(-1)) == data
        assert opener.asked == [("box", 80)]
        assert await port.drain(20)


async def test_what_cannot_be_opened_is_refused() -> None:
    async with proxy(DirectOpener(None)) as port, dialled(port) as (reader, writer):
        writer.write(ASK)
        assert await soon(reader.read(-1)) == REFUSED


async def test_an_opener_that_takes_too_long_is_not_waited_for() -> None:
    class Slow:
        async def open(self, host: str, port: int) -> Any:
            await asyncio.Event().wait()

    async with proxy(Slow(), opening=0.05) as port, dialled(port) as (reader, writer):
        writer.write(ASK)
        assert await soon(reader.read(-1)) == REFUSED


@pytest.mark.parametrize("said", [b"", b"\x05", ASK[:-1]])
async def test_a_client_that_says_too_little_is_not_waited_for(said: bytes) -> None:
    async with proxy(DirectOpener(None), handshake=0.05) as port, dialled(port) as (reader, writer):
        writer.write(said)
        with contextlib.suppress(ConnectionResetError):
            await soon(reader.read(-1))
        assert await port.drain(20)


async def test_a_stream_that_breaks_does_not_look_like_an_end() -> None:
    async with echoing() as far, proxy(opener := DirectOpener(far)) as port, dialled(port) as (reader, writer):
        writer.write(ASK + b"half")
        await soon(reader.readexactly(len(GRANTED) + 4))
        opener.streams[0].reset()
        with pytest.raises(ConnectionResetError):
            await soon(reader.read(-1))


async def test_a_client_that_breaks_takes_its_stream_along() -> None:
    async with echoing() as far, proxy(opener := DirectOpener(far)) as port, dialled(port) as (reader, writer):
        writer.write(ASK)
        await soon(reader.readexactly(len(GRANTED)))
        await settled(lambda: opener.streams)
        await port.close()
        with pytest.raises(ConnectionResetError):
            await soon(reader.read(-1))


async def test_there_are_no_more_connections_than_allowed() -> None:
    async with echoing() as far, proxy(DirectOpener(far), most=1) as port, dialled(port) as (reader, writer):
        writer.write(ASK)
        await soon(reader.readexactly(len(GRANTED)))
        async with dialled(port) as (other, more):
            with contextlib.suppress(OSError):
                more.write(ASK)
                assert await soon(other.read(-1)) == b""
        writer.write_eof()
        await soon(reader.read(-1))
        assert await port.drain(20)
        async with dialled(port) as (other, more):
            more.write(ASK)
            assert await soon(other.readexactly(len(GRANTED))) == GRANTED


async def test_a_port_that_drains_takes_nothing_new_and_says_whether_all_is_over() -> None:
    async with echoing() as far, proxy(DirectOpener(far)) as port, dialled(port) as (reader, writer):
        writer.write(ASK)
        await soon(reader.readexactly(len(GRANTED)))
        address = parse_host_port(port.addresses[0])
        port.stop_listening()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)
        assert not await port.drain(0.05)
        writer.write(b"on")
        assert await soon(reader.readexactly(2)) == b"on"


async def test_a_login_is_asked_for() -> None:
    server = SocksServer(DirectOpener(None), Login(b"ann", b"secret"))
    port = await LocalPort.bind(("127.0.0.1", 0), server.serve)
    async with dialled(port) as (reader, writer):
        writer.write(ASK)
        assert await soon(reader.read(-1)) == bytes.fromhex("05ff")
    await port.close()
