"""Connecting to one host: exactly the addresses that were judged, each a little after the one before (RFC 8305)."""

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Sequence
from itertools import chain, zip_longest

from node.handlers.ssh.forwarding.proxy import MAX_HEAD
from node.handlers.ssh.forwarding.resolve import SocketAddress
from node.socket_stream import SocketStream

ATTEMPT_DELAY = 0.25
"""Seconds before the next address is tried beside those that have not answered (RFC 8305 §8)."""
MAX_ATTEMPTS = 8
"""Addresses of one host that are tried."""
READ_AHEAD = 32 * 1024
"""Bytes of asyncio's reader, which holds twice this at most."""
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends a reset, and no end in order."""

Socket = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Reached(SocketStream):
    """A socket whose other side sees a reset where the node ends it before its time: half is never taken for all."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self._socket = writer.get_extra_info("socket")

    def reset(self, code: int = 0) -> None:
        if self._socket is not None and self._socket.family != socket.AF_UNIX:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        super().reset(code)


async def dial(addresses: Sequence[SocketAddress], timeout: float) -> Socket:
    """A connection to the first of them that answers. Raises OSError, which TimeoutError is."""
    async with asyncio.timeout(timeout):
        return await _Race(in_turn(addresses)).run()


def in_turn(addresses: Sequence[SocketAddress]) -> list[SocketAddress]:
    """The addresses to try: the families in turn, each in the order given (RFC 8305 §4)."""
    families: dict[int, list[SocketAddress]] = {}
    for address in addresses:
        families.setdefault(address.family, []).append(address)
    rounds = chain.from_iterable(zip_longest(*families.values()))
    return [address for address in rounds if address is not None][:MAX_ATTEMPTS]


class _Race:
    """Attempts at several addresses, the first of which to succeed wins. What is left over is closed."""

    def __init__(self, addresses: Sequence[SocketAddress]) -> None:
        self._waiting = deque(addresses)
        self._running: set[asyncio.Task[Socket]] = set()
        self._failure: OSError = OSError("no address to try")

    async def run(self) -> Socket:
        try:
            while self._waiting or self._running:
                if self._waiting:
                    self._running.add(asyncio.create_task(_connect(self._waiting.popleft())))
                if (won := await self._look()) is not None:
                    return won
            raise self._failure
        finally:
            for task in self._running:
                task.cancel()
                task.add_done_callback(_close)

    async def _look(self) -> Socket | None:
        """Wait until one has succeeded or failed, or until the next is due."""
        pause = ATTEMPT_DELAY if self._waiting else None
        done, self._running = await asyncio.wait(self._running, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        won: Socket | None = None
        for task in done:
            error = task.exception()
            if isinstance(error, OSError):
                self._failure = error
            elif error is not None:
                raise error
            elif won is None:
                won = task.result()
            else:
                _close(task)
        return won


async def _connect(address: SocketAddress) -> Socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.settimeout(0)
        await asyncio.get_running_loop().sock_connect(sock, address.address)
        return await asyncio.open_connection(sock=sock, limit=max(READ_AHEAD, MAX_HEAD))
    except BaseException:
        sock.close()
        raise


def _close(task: "asyncio.Task[Socket]") -> None:
    if not task.cancelled() and task.exception() is None:
        task.result()[1].transport.abort()
