"""What both engines are put through: a stream that begins with 64 bytes, which say what shall become of it."""

import asyncio
import enum
import struct
from typing import Protocol

HEAD = 64
"""Bytes of a request, and of what opens a transfer."""

CHUNK = bytes(65_536)
_FIELDS = struct.Struct("!cQ")
_ARRIVED = struct.Struct("!Q")


class Task(enum.Enum):
    UPLOAD = b"u"
    DOWNLOAD = b"d"
    REQUEST = b"r"


class Duplex(Protocol):
    """One stream of either engine; ours is a BiStream."""

    async def read(self, limit: int = 65_536, /) -> bytes: ...

    async def write(self, data: bytes, /) -> None: ...

    def finish(self) -> None: ...


class Opener(Protocol):
    """The client's end of one connection of either engine."""

    async def open(self) -> Duplex: ...


def following(head: bytes) -> int:
    """How many bytes the client sends after this head."""
    task, size = _parse(head)
    return size if task is Task.UPLOAD else 0


def answered(head: bytes) -> int:
    """How many bytes the server answers it with."""
    task, size = _parse(head)
    return {Task.UPLOAD: _ARRIVED.size, Task.DOWNLOAD: size, Task.REQUEST: HEAD}[task]


async def answer(stream: Duplex) -> None:
    """The server's part of whichever task the client chose."""
    head = await _read_exactly(stream, HEAD)
    task, size = _parse(head)
    match task:
        case Task.UPLOAD:
            await stream.write(_ARRIVED.pack(await _drain(stream)))
        case Task.DOWNLOAD:
            await _send(stream, size)
        case Task.REQUEST:
            await stream.write(head)
    stream.finish()


async def upload(connection: Opener, size: int) -> None:
    stream = await connection.open()
    await stream.write(_head(Task.UPLOAD, size))
    await _send(stream, size)
    stream.finish()
    assert _ARRIVED.unpack(await _read_exactly(stream, _ARRIVED.size)) == (size,)


async def download(connection: Opener, size: int) -> None:
    stream = await connection.open()
    await stream.write(_head(Task.DOWNLOAD, size))
    stream.finish()
    assert await _drain(stream) == size


async def request(connection: Opener, count: int, at_once: int = 1) -> None:
    """So many requests in all, each of 64 bytes on a new stream, and so many of them under way at any time."""
    shares = [count // at_once + (number < count % at_once) for number in range(at_once)]
    await asyncio.gather(*(_request_in_turn(connection, share) for share in shares))


async def _request_in_turn(connection: Opener, count: int) -> None:
    head = _head(Task.REQUEST, 0)
    for _ in range(count):
        stream = await connection.open()
        await stream.write(head)
        stream.finish()
        assert await _drain(stream) == HEAD


def _head(task: Task, size: int) -> bytes:
    return _FIELDS.pack(task.value, size).ljust(HEAD, b"\0")


def _parse(head: bytes) -> tuple[Task, int]:
    code: bytes
    size: int
    code, size = _FIELDS.unpack_from(head)
    return Task(code), size


async def _send(stream: Duplex, size: int) -> None:
    for start in range(0, size, len(CHUNK)):
        await stream.write(CHUNK[: size - start])


async def _drain(stream: Duplex) -> int:
    """Read to the end, and give the number of bytes."""
    count = 0
    while data := await stream.read():
        count += len(data)
    return count


async def _read_exactly(stream: Duplex, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = await stream.read(count - len(data))
        assert part, "the stream ended early"
        data += part
    return data
