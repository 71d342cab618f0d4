"""One program, run for a peer: its three streams pumped by hand, and everything that it started ended with it."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, Process, SubprocessStreamProtocol
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from node.core.connection import BiStream
from node.core.errors import StreamError
from node.core.tasks import TaskSet
from node.handlers.ssh.errors import CannotRun
from node.handlers.ssh.local_user import LocalUser

PIECE = 32 * 1024
"""Bytes of one read: a packet of SSH."""
_HELD = 64 * 1024
"""Bytes of a program's output that wait to be sent, of each of its two streams, beside those of the pipe."""
GRACE = 0.06
"""Seconds from the request to end to the end by force: the client that has left is not to find its program running."""

Write = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Program:
    """What is run: `path` with these words, the first of which is its name for itself."""

    path: str
    words: tuple[str, ...]
    environment: dict[str, str]
    user: LocalUser
    directory: str

    async def start(self) -> "Running":
        """Start it in a session and process group of its own, with no descriptor but its three. Raises CannotRun."""
        switch = self.user.switch
        identity = {} if switch is None else {"user": switch[0], "group": switch[1], "extra_groups": list(switch[2])}
        try:
            loop = asyncio.get_running_loop()
            transport, told = await loop.subprocess_exec(
                lambda: _Told(limit=_HELD, loop=loop),
                *self.words,
                executable=self.path,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                cwd=self.user.directory(self.directory),
                env=self.environment,
                start_new_session=True,
                close_fds=True,
                **identity,  # type: ignore[arg-type]
            )
        except (OSError, ValueError) as error:
            raise CannotRun(error.strerror if isinstance(error, OSError) and error.strerror else str(error)) from None
        return Running(Process(transport, told, loop), told)


class _Told(SubprocessStreamProtocol):
    """Tells at once that the program has ended: `Process.wait` waits for whoever else holds its pipes, too."""

    def __init__(self, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit, loop)
        self.exited = asyncio.Event()

    def process_exited(self) -> None:
        super().process_exited()
        self.exited.set()


class Running:
    """A process and its group."""

    def __init__(self, process: Process, told: _Told) -> None:
        self._process = process
        self._exited = told.exited
        self._tasks = TaskSet()

    def signal(self, number: int) -> None:
        """Send a signal to all of the group. Harmless when there is nobody left."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    async def serve(self, stream: BiStream, write_error: Write) -> int:
        """Pump until the program has ended and all that it said is sent; its return code, as `subprocess` has it.

        Raises StreamError where the client is gone. However it ends, the group has ended too.
        """
        process = self._process
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise CannotRun("a program has three streams")
        self._tasks.spawn(_feed(stream, process.stdin), "ssh input")
        self._tasks.spawn(self._end_group(), "ssh process group")
        try:
            await _both(_pump(process.stdout, stream.write), _pump(process.stderr, write_error))
            await self._exited.wait()
            return process.returncode or 0
        finally:
            await self._end()

    async def _end_group(self) -> None:
        """What the program has left behind in its group holds its streams open, and nobody up: it ends with it."""
        await self._exited.wait()
        self.signal(signal.SIGKILL)

    async def _end(self) -> None:
        """Ask everything to end, and make it, however often this is cancelled meanwhile."""
        ending = asyncio.ensure_future(self._end_process())
        while not ending.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(ending)
        await self._tasks.cancel()

    async def _end_process(self) -> None:
        process = self._process
        if process.returncode is None:
            self.signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._exited.wait(), GRACE)
        self.signal(signal.SIGKILL)
        await self._exited.wait()
        process._transport.close()  # type: ignore[attr-defined]  # whoever escaped the group may hold its pipes


async def _feed(stream: BiStream, pipe: asyncio.StreamWriter) -> None:
    """The client's bytes into the program, as fast as it takes them; then the end."""
    with contextlib.suppress(StreamError, BrokenPipeError, ConnectionResetError):
        while data := await stream.read(PIECE):
            pipe.write(data)
            await pipe.drain()
    pipe.close()


async def _pump(pipe: asyncio.StreamReader, write: Write) -> None:
    while data := await pipe.read(PIECE):
        await write(data)


async def _both(first: Awaitable[None], second: Awaitable[None]) -> None:
    """Both to their ends; what either raises ends the other."""
    tasks = [asyncio.ensure_future(first), asyncio.ensure_future(second)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
