"""One forwarded connection: a channel of the client's and a stream elsewhere, from the request to the end."""

import asyncio
from collections.abc import Callable, Coroutine

import asyncssh

from node.core.errors import StreamError, StreamTimeout
from node.core.tasks import TaskSet
from node.handlers.ssh.forwarding.channels import Channel, ForwardSession
from node.handlers.ssh.forwarding.dial import Reached
from node.handlers.ssh.forwarding.gate import Wish
from node.handlers.ssh.forwarding.places import Place
from node.handlers.ssh.forwarding.relay import Relay
from node.handlers.ssh.forwarding.shared import Forwarding

LINGER = 60.0
"""Seconds that either side has to take what was sent before an end in order."""


class Forward:
    """Holds its place until nothing of it is left. `wish` is what it is judged by, once it was allowed."""

    def __init__(self, shared: Forwarding, channel: Channel, takes: asyncio.Event, place: Place) -> None:
        self.session = ForwardSession(channel, takes)
        self.wish: Wish | None = None
        self.over: Callable[[], None] = lambda: None
        """Called once, at the end."""
        self._shared = shared
        self._place = place
        self._working: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._answer: asyncio.Future[ForwardSession | asyncssh.ChannelOpenError]
        self._answer = asyncio.get_running_loop().create_future()

    def begin(self, tasks: TaskSet, work: Coroutine[None, None, None]) -> None:
        """Do the work, which `end` ends."""
        self._task = self.spawn(tasks, work)

    def spawn(self, tasks: TaskSet, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        """Do something that belongs to it and goes on after `end`."""
        task = tasks.spawn(work, "ssh forward")
        self._working.add(task)
        task.add_done_callback(self._done)
        return task

    def end(self) -> None:
        """At once. Harmless when repeated."""
        self.session.end()
        if self._task is not None:
            self._task.cancel()

    def refuse(self, code: int, words: str) -> None:
        """Tell the client so, unless it has its answer."""
        if not self._answer.done():
            self._answer.set_result(asyncssh.ChannelOpenError(code, words))

    def allow(self) -> None:
        """Tell the client that it is connected."""
        self._answer.set_result(self.session)

    async def answered(self) -> ForwardSession:
        """For asyncssh, which opens the channel by it. Raises ChannelOpenError."""
        answer = await self._answer
        if isinstance(answer, asyncssh.ChannelOpenError):
            raise answer
        return answer

    async def join(self, target: Reached) -> None:
        """Relay until it is over; then let both sides have what is under way."""
        self._shared.opened += 1
        stream = self.session.stream
        try:
            await Relay(stream, target, self._shared.settings.idle_timeout).run()
        except StreamTimeout:
            self._shared.idle += 1
            return
        except StreamError:
            return
        stream.close()
        await asyncio.wait(
            [asyncio.ensure_future(target.close(LINGER)), asyncio.ensure_future(stream.stopped())], timeout=LINGER
        )

    def _done(self, task: "asyncio.Task[None]") -> None:
        """Also of a task that was cancelled before it ran."""
        self._working.discard(task)
        if not self._working:
            self.refuse(asyncssh.OPEN_CONNECT_FAILED, "no connection")
            self.session.end()
            self._place.free()
            self.over()
