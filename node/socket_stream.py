"""One stream socket, of whatever family, as a duplex stream of node.core, over asyncio's streams."""

import asyncio
import contextlib

from node.core.connection import BiStream
from node.core.errors import StreamClosed, StreamTimeout

READ_AHEAD = 64 * 1024
"""Bytes of asyncio's reader; it holds at most twice this, and one read of the socket, before it stops reading."""
WRITE_AHEAD = 64 * 1024
"""Bytes that may wait for the other side to read; a write beyond waits itself."""


class SocketStream(BiStream):
    """Reads wait at most `idle_timeout` seconds; None waits for ever.

    A socket has no codes, and where it is a Unix socket no reset that the other side could tell from an end: after
    `reset` it reads its end, or an error, and its writes fail.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle_timeout: float | None = None
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._idle_timeout = idle_timeout
        self._finished = False
        self._dropped = False
        writer.transport.set_write_buffer_limits(high=WRITE_AHEAD)

    async def read(self, limit: int = 65_536) -> bytes:
        try:
            async with asyncio.timeout(self._idle_timeout):
                data = b"" if self._dropped else await self._reader.read(limit)
        except TimeoutError:
            raise StreamTimeout from None
        except OSError as error:
            raise StreamClosed from error
        if self._dropped:
            raise StreamClosed
        return data

    async def write(self, data: bytes) -> None:
        if self._finished or self._dropped or self._writer.is_closing():
            raise StreamClosed
        self._writer.write(data)
        try:
            await self._writer.drain()
        except OSError as error:
            raise StreamClosed from error
        if self._dropped:
            raise StreamClosed

    def finish(self) -> None:
        if self._finished or self._dropped or self._writer.is_closing():
            return
        self._finished = True
        # The other side may have gone meanwhile; whoever reads will hear of it.
        with contextlib.suppress(OSError):
            self._writer.write_eof()

    def reset(self, code: int = 0) -> None:
        """`code` is lost on the way."""
        self._dropped = True
        self._writer.transport.abort()

    async def close(self, seconds: float) -> None:
        """Let what was written go out for so long, then drop the rest."""
        self._writer.close()
        try:
            async with asyncio.timeout(seconds):
                await self._writer.wait_closed()
        except (TimeoutError, OSError):
            pass
        finally:
            self.reset()
