"""As much of HTTP/3 (RFC 9114) as a foreign client needs: requests and answers, on the contract of our streams.

Our connections serve no one-way streams, and an HTTP/3 peer takes a refused one for the end. `forbearing` has them
ignored instead; the peer never hears of settings of ours, and so keeps to the static table.

It is for the cases between makes of QUIC: what runs there is our engine and our streams, with bodies of any size both
ways, and it asks as well as it answers. A browser is not content with it: `page_over_h3` has HTTP/3 whole for that, but
goes round our streams.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Any

import pylsqpack

from node.core.connection import BiStream, Connection
from node.core.errors import StreamError
from node.quic.engine.engine import Engine

DATA, HEADERS = 0, 1
CHUNK = 65_536


def forbearing(monkeypatch: Any) -> None:
    """Leave the peer's one-way streams alone for this test."""
    abort = Engine.abort_stream

    def abort_two_way(engine: Engine, stream_id: int, code: int) -> None:
        if not stream_id & 2:
            abort(engine, stream_id, code)

    monkeypatch.setattr(Engine, "abort_stream", abort_two_way)


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer, whole."""

    headers: dict[str, str]
    body: bytes


def varint(number: int) -> bytes:
    """RFC 9000 §16, in four bytes or in one."""
    return bytes([number]) if number < 64 else (number | 0x8000_0000).to_bytes(4, "big")


def frame(kind: int, payload: bytes) -> bytes:
    return varint(kind) + varint(len(payload)) + payload


def header_frame(**fields: str) -> bytes:
    """`_method` stands for :method, and so on."""
    lines = [(name.replace("_", ":").encode(), value.encode()) for name, value in fields.items()]
    _, block = pylsqpack.Encoder().encode(0, lines)
    return frame(HEADERS, block)


async def read_message(stream: BiStream) -> Message:
    """Read to the end of the stream. Raises StreamError."""
    parts: list[bytes] = []
    while part := await stream.read(CHUNK):
        parts.append(part)
    return parse(b"".join(parts))


def parse(data: bytes) -> Message:
    """One direction of a request's stream, whole."""
    headers: dict[str, str] = {}
    body: list[bytes] = []
    for kind, payload in _frames(data):
        if kind == HEADERS:
            _, lines = pylsqpack.Decoder(0, 0).feed_header(0, payload)
            headers.update((name.decode(), value.decode()) for name, value in lines)
        elif kind == DATA:
            body.append(payload)
    return Message(headers, b"".join(body))


async def send_body(stream: BiStream, body: bytes) -> None:
    for start in range(0, len(body), CHUNK):
        await stream.write(frame(DATA, body[start : start + CHUNK]))
    stream.finish()


async def answer(stream: BiStream) -> Message:
    """Answer one request: `/N` gives N bytes of `content`, a body comes back as its SHA-256. The request."""
    asked = await read_message(stream)
    await stream.write(header_frame(_status="200"))
    size = asked.headers.get(":path", "/").strip("/")
    wanted = content(int(size)) if size.isdecimal() else b""
    await send_body(stream, digest(asked.body).encode() if asked.body else wanted)
    return asked


def request(path: str, *, has_body: bool) -> bytes:
    method = "POST" if has_body else "GET"
    return header_frame(_method=method, _scheme="https", _authority="localhost", _path=path)


async def ask(connection: Connection, path: str, body: bytes = b"") -> Message:
    """One request of ours to a foreign server."""
    stream = await connection.open_bi()
    await stream.write(request(path, has_body=bool(body)))
    await send_body(stream, body)
    return await read_message(stream)


class Site:
    """Answers all requests of a connection, and keeps them."""

    def __init__(self) -> None:
        self.requests: list[Message] = []

    async def serve(self, connection: Connection) -> None:
        async def one(stream: BiStream) -> None:
            try:
                self.requests.append(await answer(stream))
            except StreamError:
                stream.reset()

        async with asyncio.TaskGroup() as tasks:
            try:
                while True:
                    tasks.create_task(one(await connection.accept_bi()))
            except StreamError:
                return


def content(size: int) -> bytes:
    """Bytes that differ everywhere, the same for the same size."""
    return hashlib.shake_128(b"alknet").digest(size)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _frames(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    position = 0
    while position < len(data):
        kind, position = _pull(data, position)
        length, position = _pull(data, position)
        found.append((kind, data[position : position + length]))
        position += length
    return found


def _pull(data: bytes, position: int) -> tuple[int, int]:
    size = 1 << (data[position] >> 6)
    value = int.from_bytes(data[position : position + size], "big") & ((1 << 8 * size - 2) - 1)
    return value, position + size
