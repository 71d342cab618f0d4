"""A local connection and a stream, joined."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from node.client.relay import relay
from node.core.connection import BiStream
from node.core.errors import StreamError
from tests.support.quic import soon
from tests.support.streams import stream_pair

Joined = tuple[asyncio.StreamReader, asyncio.StreamWriter, BiStream]


@contextlib.asynccontextmanager
async def joined() -> AsyncIterator[Joined]:
    """The local program's end of the one, and the far end of the other."""
    near, far = stream_pair()
    with socket.create_server(("127.0.0.1", 0)) as server:
        reader, writer = await asyncio.open_connection(*server.getsockname())
        other, _ = server.accept()
    relaying = asyncio.create_task(relay(*await asyncio.open_connection(sock=other), near))
    try:
        yield reader, writer, far
        await soon(relaying)
    finally:
        writer.transport.abort()


async def test_an_answer_is_whole_though_nothing_more_of_the_question_is_taken() -> None:
    async with joined() as (reader, writer, far):
        writer.write(bytes(1_000_000))
        await soon(far.read())
        far.stop_reading()
        await asyncio.sleep(0.05)  # a write to it has failed by now
        writing = asyncio.create_task(far.write_last(b"x" * 500_000))
        assert await soon(reader.read(-1)) == b"x" * 500_000
        await soon(writing)
        writer.close()


@pytest.mark.parametrize("question", [b"", b"question"])
async def test_half_an_answer_is_a_reset(question: bytes) -> None:
    async with joined() as (reader, writer, far):
        writer.write(question)
        await far.write(b"half")
        assert await soon(reader.readexactly(4)) == b"half"
        far.reset()
        with pytest.raises(ConnectionResetError):
            await soon(reader.read())


async def test_a_program_that_breaks_takes_the_stream_along() -> None:
    async with joined() as (_, writer, far):
        writer.write(b"x")
        assert await soon(far.read()) == b"x"
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes((1, 0, 0, 0, 0, 0, 0, 0)))
        writer.transport.abort()
        with pytest.raises(StreamError):
            await soon(far.read())
