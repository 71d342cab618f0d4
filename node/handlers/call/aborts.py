"""Telling the peer that we gave up requests of ours (spec call §7)."""

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

    def send(self, request_id: str) -> None:
        self._waiting[request_id] = None
        if not self._sending:
            self._sending = True
            self._tasks.spawn(self._send_all(), "call aborts")

    def forget(self, request_id: str) -> None:
        """It is over meanwhile. Nothing more is said of what is over (spec call §6)."""
        self._waiting.pop(request_id, None)

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
                request_id = next(iter(self._waiting))
                await lane.writer.write(events.encode(events.ABORTED, request_id, {}))
                self.forget(request_id)
        except (CallError, StreamError, FrameError):
            self._lane = None
            return False
        return True
