"""The SOCKS5 server: each connection asks for one destination, which an opener opens somewhere else."""

import asyncio
from dataclasses import dataclass

from node.client.opener import ChannelOpener, OpenFailed
from node.client.relay import relay
from node.client.socks5.handshake import Handshake, reply
from node.core.connection import BiStream
from node.core.identity import Address
from node.core.socks5.wire import Login, Reply

PIECE = 4096
"""Bytes of one read during the handshake, whose longest message has 513."""


@dataclass(frozen=True, slots=True)
class SocksLimits:
    """Seconds that a client has for its part of the handshake, and an opener for its."""

    handshake: float = 10.0
    opening: float = 60.0


class SocksServer:
    """Serves the connections of a `LocalPort`. It tells nobody, and no log, who asked for what."""

    def __init__(self, opener: ChannelOpener, login: Login | None = None, limits: SocksLimits | None = None) -> None:
        self._opener = opener
        self._login = login
        self._limits = limits or SocksLimits()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection to its end. Raises OSError where the client's side breaks or takes too long."""
        handshake = Handshake(self._login)
        async with asyncio.timeout(self._limits.handshake):
            while not handshake.over:
                data = await reader.read(PIECE)
                if not data:
                    return
                await _answer(writer, handshake.receive(data))
        if handshake.target is not None:
            await self._connect(reader, writer, handshake.target, handshake.rest)

    async def _connect(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Address, first: bytes
    ) -> None:
        stream = await self._open(target)
        if stream is None:
            await _answer(writer, reply(Reply.REFUSED))
            return
        try:
            await _answer(writer, reply(Reply.SUCCEEDED))
        except BaseException:
            stream.reset()
            raise
        await relay(reader, writer, stream, first)

    async def _open(self, target: Address) -> BiStream | None:
        try:
            async with asyncio.timeout(self._limits.opening):
                return await self._opener.open(*target)
        except (OpenFailed, TimeoutError):
            return None


async def _answer(writer: asyncio.StreamWriter, data: bytes) -> None:
    if data:
        writer.write(data)
        await writer.drain()
