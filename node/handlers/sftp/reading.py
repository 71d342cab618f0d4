"""Cuts what a client sends into packets, however it comes."""

from typing import Protocol

from node.handlers.sftp.codec import frame_length
from node.handlers.sftp.codec.framing import PREFIX
from node.handlers.sftp.patience import Patience

READ_AHEAD = 64 * 1024
"""Bytes that are asked of the stream at a time."""


class ByteStream(Protocol):
    """What a session needs of its stream: of QUIC, of SSH, of anything."""

    async def read(self, limit: int = READ_AHEAD) -> bytes:
        """1 to `limit` bytes as soon as there are any; b"" once the peer has finished."""
        ...

    async def write(self, data: bytes) -> None:
        """Waits while too much is unsent."""
        ...


class Packets:
    """Of one stream. It holds one packet at most, and what came with its end."""

    def __init__(self, stream: ByteStream, max_packet: int, within: Patience) -> None:
        """`within` is the patience with a packet that has begun."""
        self._stream = stream
        self._max_packet = max_packet
        self._within = within
        self._held = b""
        self._at = 0

    async def next(self, between: Patience) -> memoryview | None:
        """The next packet without its length, waited for with this patience; None where the client has finished.

        Raises BadMessage for a length that is none, EOFError inside a packet, and what the stream raises.
        """
        if self._at == len(self._held):
            with between:
                self._held, self._at = await self._stream.read(READ_AHEAD), 0
            if not self._held:
                return None
        with self._within:
            length = frame_length(await self._take(PREFIX), self._max_packet)
            return await self._take(length)

    async def _take(self, count: int) -> memoryview:
        if self._at + count > len(self._held):
            await self._fill(count)
        self._at += count
        return memoryview(self._held)[self._at - count : self._at]

    async def _fill(self, count: int) -> None:
        parts = [self._held[self._at :]]
        missing = count - len(parts[0])
        while missing > 0:
            part = await self._stream.read(READ_AHEAD)
            if not part:
                raise EOFError("the stream ended early")
            parts.append(part)
            missing -= len(part)
        self._held, self._at = b"".join(parts), 0
