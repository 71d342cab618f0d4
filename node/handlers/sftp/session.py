"""One session of SFTP over one byte stream, from its first packet to its end."""

import asyncio
from typing import get_args

from node.core.tasks import TaskSet
from node.handlers.sftp.answers import Answers
from node.handlers.sftp.backend import PAGE, Backend
from node.handlers.sftp.budget import Budget
from node.handlers.sftp.codec import BadMessage, Status, decode, encode, packets
from node.handlers.sftp.codec.extensions import OFFERED
from node.handlers.sftp.codec.framing import UnknownPacket
from node.handlers.sftp.codec.numbers import VERSION
from node.handlers.sftp.counts import Counts
from node.handlers.sftp.handles import Handles
from node.handlers.sftp.limits import SftpLimits
from node.handlers.sftp.order import Order, Turn
from node.handlers.sftp.patience import Patience
from node.handlers.sftp.reading import ByteStream, Packets

_REQUESTS = get_args(packets.Request)
_SMALL = 1024
"""Bytes that an answer without content is reckoned at."""


class SftpSession:
    """Serves `backend` to one client."""

    def __init__(
        self, stream: ByteStream, backend: Backend, limits: SftpLimits, counts: Counts, handles: Handles
    ) -> None:
        self._stream = stream
        self._limits = limits
        self._counts = counts
        self._handles = handles
        self._answers = Answers(backend, self._handles, limits, counts)
        self._budget = Budget(limits.max_requests, limits.max_bytes)
        self._order = Order()
        self._writing = asyncio.Lock()
        self._tasks = TaskSet()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._starting, self._idle, self._reading, self._sending = (
            Patience(seconds, self._stalled)
            for seconds in (limits.start_timeout, limits.idle_timeout, limits.stall_timeout, limits.stall_timeout)
        )
        self._packets = Packets(stream, limits.max_packet, self._reading)

    async def run(self) -> None:
        """To the client's end of the stream, after which what it asked before is still answered.

        Raises BadMessage, EOFError inside a packet, TimeoutError where nothing moves, and what the stream raises.
        """
        reading = asyncio.create_task(self._read_all())
        try:
            await asyncio.wait((reading, self._failed), return_when=asyncio.FIRST_COMPLETED)
            await (reading if reading.done() else self._failed)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await self._tasks.cancel()
            self._handles.close_all()
            for patience in (self._starting, self._idle, self._reading, self._sending):
                patience.close()
            if self._failed.done():
                self._failed.exception()

    async def _read_all(self) -> None:
        await self._greet()
        while (body := await self._packets.next(self._idle)) is not None:
            await self._take(body)
        await self._tasks.idle()

    async def _greet(self) -> None:
        """The client tells its version, and hears ours. A newer one gets ours too, and is content (§4)."""
        body = await self._packets.next(self._starting)
        if body is None:
            raise EOFError("the session ended before it began")
        first = decode(body)
        if not isinstance(first, packets.Init) or first.version < VERSION:
            raise BadMessage("a session begins with INIT, of version 3 or later")
        await self._send(packets.Version(VERSION, OFFERED))

    async def _take(self, body: memoryview) -> None:
        """Have one request answered, once there is room for it. Raises BadMessage for what is none at all."""
        try:
            packet = decode(body)
        except BadMessage as bad:
            self._counts.malformed += 1
            if bad.request_id is None:
                raise
            status = Status.UNSUPPORTED if isinstance(bad, UnknownPacket) else Status.BAD_MESSAGE
            await self._send(packets.StatusReply(bad.request_id, status, str(bad)))
            return
        if not isinstance(packet, _REQUESTS):
            raise BadMessage("a client sends requests")
        cost = len(body) + self._answer_size(packet)
        await self._budget.take(cost)
        self._counts.held_bytes += cost
        self._tasks.spawn(self._serve(packet, self._order.turn(packet), cost), "sftp request")

    def _answer_size(self, packet: packets.Packet) -> int:
        if isinstance(packet, packets.Read):
            return min(packet.length, self._limits.max_read) + _SMALL
        return PAGE if isinstance(packet, packets.Readdir) else _SMALL

    async def _serve(self, request: packets.Request, turn: Turn, cost: int) -> None:
        try:
            try:
                await turn.come()
                answer = await self._answers.answer(request)
            finally:
                self._order.over(turn)
            await self._send(answer)
        except Exception as error:  # noqa: BLE001 - whoever runs the session is told
            self._fail(error)
        finally:
            self._counts.held_bytes -= cost
            self._budget.give_back(cost)

    async def _send(self, packet: packets.Packet) -> None:
        """One packet at a time. A client that takes nothing any more ends the session."""
        raw = encode(packet)
        async with self._writing:
            with self._sending:
                await self._stream.write(raw)

    def _stalled(self) -> None:
        self._fail(TimeoutError("nothing moved"))

    def _fail(self, error: Exception) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)
