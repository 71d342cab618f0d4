"""A local TCP connection and a stream elsewhere, joined: bytes, ends and breaks of each are passed to the other."""

import asyncio
import contextlib
import socket
import struct

from node.core.connection import BiStream
from node.core.errors import StreamError
from node.core.tasks import together

PIECE = 64 * 1024
"""Bytes that are in hand each way at most, besides what the two connections themselves hold."""

LINGER = 5.0
"""Seconds for a program to read the end of an answer whose sender takes nothing more. A TCP connection that is closed
with input unread is reset, which drops what its peer has not read yet (RFC 9112 §9.6)."""

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends a reset, and no end in order."""


async def relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stream: BiStream, first: bytes = b""
) -> None:
    """Copy both ways until both have ended; an end of one side is passed on, and the other goes on.

    A stream that takes nothing more is still read to its end, which is soon the end of both then. Where one breaks the
    other is reset, so that half of an answer never looks like all of it. `first` is sent before what is read. Neither
    is open afterwards.
    """
    async with together(_send(reader, stream, first), _receive(stream, writer), stream.stopped()) as tasks:
        try:
            await _until_over(*tasks)
            if not tasks[0].done():
                stream.reset()
            writer.close()
        except BaseException as error:
            stream.reset()
            reset(writer)
            if not isinstance(error, StreamError | OSError):
                raise


def reset(writer: asyncio.StreamWriter) -> None:
    """Close a TCP connection so that its peer sees it break. Harmless when repeated."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


async def _until_over(
    sending: "asyncio.Task[None]", receiving: "asyncio.Task[None]", nobody: "asyncio.Task[StreamError]"
) -> None:
    await asyncio.wait((sending, receiving), return_when=asyncio.FIRST_COMPLETED)
    if sending.done():
        sending.result()
    await receiving
    await asyncio.wait((sending, nobody), return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait((sending,), timeout=LINGER)
    if sending.done():
        sending.result()


async def _send(reader: asyncio.StreamReader, stream: BiStream, first: bytes) -> None:
    """Until the local end. What the stream does not take is dropped: how things stand, what is received tells."""
    try:
        if first:
            await stream.write(first)
        while data := await reader.read(PIECE):
            await stream.write(data)
        stream.finish()
    except StreamError:
        while await reader.read(PIECE):
            pass


async def _receive(stream: BiStream, writer: asyncio.StreamWriter) -> None:
    while data := await stream.read(PIECE):
        writer.write(data)
        await writer.drain()
    writer.write_eof()
