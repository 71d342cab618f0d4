"""Telling the peer that we gave up requests of ours (spec call §7)."""

import asyncio
from collections.abc import Awaitable, Callable

from node.core.errors import StreamError
from node.core.tasks import TaskSet
from node.handlers.call import envelope as events
from node.handlers.call.errors import CallError
from node.handlers.call.frames import FrameError
from node.handlers.call.lane import Lane


class Aborts:
    """Sends `call.aborted` from a task of its own: whoever gives up waits for nothing.

    All of them go by one stream, which is opened for the first and kept: those of the requests have ended, and a peer
    that lets no more be opened must still be told that fewer are wanted.
    """

    def __init__(self, open_lane: Callable[[], Awaitable[Lane]], tasks: TaskSet) -> None:
        self._open_lane = open_lane
        self._tasks = tasks
        self._waiting: dict[str, None] = {}
        self._lane: Lane | None = None
        self._sending = False
        self._writing: tuple[str, asyncio.Future[None]] | None = None
        """The one that waits for its turn on the stream."""

    def send(self, request_id: str) -> None:
        self._waiting[request_id] = None
        if not self._sending:
            self._sending = True
            self._tasks.spawn(self._send_all(), "call aborts")

    def forget(self, request_id: str) -> None:
        """It is over meanwhile. Nothing more is said of what is over (spec call §6)."""
        self._waiting.pop(request_id, None)
        if self._writing is not None and self._writing[0] == request_id:
            self._writing[1].cancel()

    def close(self) -> None:
        """There is nobody left to be told."""
        self._waiting.clear()

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                if not (await self._send_next() or await self._send_next()):
                    self._waiting.clear()
        finally:
            self._sending = False

    async def _send_next(self) -> bool:
        """Whether it went out, or is needed no more. Where not, the next is tried on a fresh stream."""
        try:
            lane = self._lane = self._lane or await self._open_lane()
            if self._waiting:
                await self._write(lane, next(iter(self._waiting)))
        except (CallError, StreamError, FrameError):
            self._lane = None
            return False
        return True

    async def _write(self, lane: Lane, request_id: str) -> None:
        """Say it, unless it is over before it has its turn: so short a frame goes out whole or not at all."""
        writing = asyncio.ensure_future(lane.writer.write(events.encode(events.ABORTED, request_id, {})))
        self._writing = request_id, writing
        try:
            (error,) = await asyncio.gather(writing, return_exceptions=True)
        finally:
            self._writing = None
        if isinstance(error, Exception):
            raise error
        self.forget(request_id)
