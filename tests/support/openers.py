"""A channel opener whose channels are TCP connections from here, and a server that sends everything back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from node.client.opener import OpenFailed
from node.core.connection import BiStream
from node.core.identity import Address
from node.socket_stream import SocketStream


class DirectOpener:
    """Remembers what it was asked for, and leads all of it to one address; without one it fails."""

    def __init__(self, to: Address | None) -> None:
        self.to = to
        self.asked: list[Address] = []
        self.streams: list[BiStream] = []

    async def open(self, host: str, port: int) -> BiStream:
        self.asked.append((host, port))
        if self.to is None:
            raise OpenFailed
        try:
            self.streams.append(SocketStream(*await asyncio.open_connection(*self.to)))
        except OSError:
            raise OpenFailed from None
        return self.streams[-1]

    def close(self) -> None:
        for stream in self.streams:
            stream.reset()


@contextlib.asynccontextmanager
async def echoing() -> AsyncIterator[Address]:
    """A TCP port that sends back what it gets, its end included."""
    writers = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()
        for writer in writers:
            writer.close()
