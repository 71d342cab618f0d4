"""Telling the peer that we gave up requests of ours (spec call §7)."""

from collections import deque
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
        self._waiting: deque[str] = deque()
        self._lane: Lane | None = None
        self._sending = False

    def send(self, request_id: str) -> None:
        self._waiting.append(request_id)
        if not self._sending:
            self._sending = True
            self._tasks.spawn(self._send_all(), "call aborts")

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                if not (await self._sent(self._waiting[0]) or await self._sent(self._waiting[0])):
                    self._waiting.clear()
                    return
                self._waiting.popleft()
        finally:
            self._sending = False

    async def _sent(self, request_id: str) -> bool:
        """Whether it went out. Where not, the next one is tried on a fresh stream."""
        try:
            lane = self._lane = self._lane or await self._open_lane()
            await lane.writer.write(events.encode(events.ABORTED, request_id, {}))
        except (CallError, StreamError, FrameError):
            self._lane = None
            return False
        return True
