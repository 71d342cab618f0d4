"""Transports under test: each kind of stream, and protocols that note what they are told."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

from node.control.stream import UnixStream
from node.core.connection import BiStream
from node.core.stream_transport import StreamTransport
from tests.support.quic import exchange, serving
from tests.support.streams import stream_pair

Ends = tuple[BiStream, BiStream]
WINDOW = 256 * 1024
MORE_THAN_FITS = 4 * 1024 * 1024


@contextlib.asynccontextmanager
async def memory() -> AsyncIterator[Ends]:
    yield stream_pair()


@contextlib.asynccontextmanager
async def quic() -> AsyncIterator[Ends]:
    async with serving(max_stream_window=WINDOW, max_write_high_water=WINDOW) as server:
        yield await exchange(*await server.pair())


@contextlib.asynccontextmanager
async def unix() -> AsyncIterator[Ends]:
    near, far = [UnixStream(*await asyncio.open_unix_connection(sock=one)) for one in socket.socketpair()]
    yield near, far
    await near.close(0)
    await far.close(0)


TELLING = {"memory": memory, "quic": quic}
"""Those that tell of a reset although nobody reads."""
EVERY = {**TELLING, "unix": unix}


class Recorder(asyncio.Protocol):
    """Notes whatever it is told. `keeps_open` after the peer's end, `raises` in the callback of that name."""

    def __init__(self, *, keeps_open: bool = False, raises: str = "", error: type[BaseException] = ValueError) -> None:
        self.keeps_open, self.raises, self.error = keeps_open, raises, error
        self.data = bytearray()
        self.told: list[str] = []
        self.lost: list[BaseException | None] = []

    def _note(self, name: str) -> None:
        self.told.append(name)
        if name == self.raises:
            raise self.error(name)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._note("connection_made")

    def data_received(self, data: bytes) -> None:
        self.data += data
        self._note("data_received")

    def eof_received(self) -> bool:
        self._note("eof_received")
        return self.keeps_open

    def pause_writing(self) -> None:
        self._note("pause_writing")

    def resume_writing(self) -> None:
        self._note("resume_writing")

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost.append(exc)
        self._note("connection_lost")


class Buffered(asyncio.BufferedProtocol):
    """Echoes through a buffer of so many bytes."""

    def __init__(self, size: int) -> None:
        self.buffer = bytearray(size)
        self.updates = 0
        self.lost: list[BaseException | None] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, StreamTransport)
        self.transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:
        assert sizehint > 0
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.updates += 1
        self.transport.write(self.buffer[:nbytes])

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost.append(exc)


def recording(stream: BiStream, **how: Any) -> tuple[StreamTransport, Recorder]:
    recorder = Recorder(**how)
    return StreamTransport.attach(stream, recorder), recorder


def reading_and_writing(stream: BiStream) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """asyncio's own streams over ours."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport = StreamTransport.attach(stream, protocol)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


@contextlib.contextmanager
def reports() -> Any:
    """What is reported to the loop's handler of exceptions meanwhile."""
    loop, told = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, report: told.append(report))
    try:
        yield told
    finally:
        loop.set_exception_handler(None)
