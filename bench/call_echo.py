"""The yardstick of the call bench: frames of four bytes of length and a body that is sent back, and nothing else.

Each request has a stream of its own, as a call has. The first byte of a body says how many times it is sent back.
"""

import contextlib
import struct

from node.core.connection import BiStream, Connection
from node.core.errors import StreamError
from node.core.tasks import TaskSet

ALPN = b"alknet/bench-echo"
_LENGTH = struct.Struct("!I")


async def serve(connection: Connection) -> None:
    """Answer every stream until the connection ends."""
    tasks = TaskSet()
    with contextlib.suppress(StreamError):
        while True:
            tasks.spawn(_answer(await connection.accept_bi()), "echo")


async def ask(connection: Connection, body: bytes) -> None:
    """Send one frame, and read what comes back to its end."""
    stream = await connection.open_bi()
    await stream.write(_LENGTH.pack(len(body)) + body)
    stream.finish()
    for _ in range(body[0]):
        assert await _read_frame(stream) == body
    assert not await stream.read()


def body_of(size: int, times: int = 1) -> bytes:
    """A body of so many bytes, to be sent back so many times."""
    return bytes([times]).ljust(size, b"x")


async def _answer(stream: BiStream) -> None:
    with contextlib.suppress(StreamError):
        body = await _read_frame(stream)
        for _ in range(body[0]):
            await stream.write(_LENGTH.pack(len(body)) + body)
        assert not await stream.read()
        stream.finish()


async def _read_frame(stream: BiStream) -> bytes:
    (length,) = _LENGTH.unpack(await stream.read_exactly(_LENGTH.size))
    return await stream.read_exactly(length)
