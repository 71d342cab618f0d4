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
from node.handlers.ssh.terminal import Size, Terminal, TerminalWish, session_of, take_terminal

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
    terminal: TerminalWish | None = None
    """One to be opened for its three streams, which are pipes otherwise."""

    async def start(self) -> "Running":
        """Start it in a session and process group of its own, with no descriptor but its three. Raises CannotRun."""
        try:
            return await (self._with_pipes() if self.terminal is None else self._in_terminal(self.terminal))
        except (OSError, ValueError) as error:
            raise CannotRun(error.strerror if isinstance(error, OSError) and error.strerror else str(error)) from None

    async def _with_pipes(self) -> "Running":
        process, exited = await self._spawn(PIPE, PIPE, PIPE)
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ValueError("a program has three streams")
        return Running(process, exited, Pipes(process.stdin, process.stdout, process.stderr))

    async def _in_terminal(self, wish: TerminalWish) -> "Running":
        terminal = Terminal(wish, self.user)
        try:
            inner = terminal.inner
            process, exited = await self._spawn(inner, inner, inner, take_terminal)
            terminal.close_inner()
            shown, typed = await terminal.streams(_HELD)
        except BaseException:
            terminal.close()
            raise
        return Running(process, exited, Pipes(typed, shown), terminal)

    async def _spawn(
        self, given: int, out: int, err: int, before: Callable[[], None] | None = None
    ) -> tuple[Process, asyncio.Event]:
        switch = self.user.switch
        identity = {} if switch is None else {"user": switch[0], "group": switch[1], "extra_groups": list(switch[2])}
        loop = asyncio.get_running_loop()
        transport, told = await loop.subprocess_exec(
            lambda: _Told(limit=_HELD, loop=loop),
            *self.words,
            executable=self.path,
            stdin=given,
            stdout=out,
            stderr=err,
            cwd=self.user.directory(self.directory),
            env=self.environment,
            start_new_session=True,
            close_fds=True,
            preexec_fn=before,
            **identity,  # type: ignore[arg-type]
        )
        return Process(transport, told, loop), told.exited


@dataclass(frozen=True, slots=True)
class Pipes:
    """A program's streams as the node has them. In a terminal there is no `errors`: they are in what is shown."""

    given: asyncio.StreamWriter
    out: asyncio.StreamReader
    errors: asyncio.StreamReader | None = None


class _Told(SubprocessStreamProtocol):
    """Tells at once that the program has ended: `Process.wait` waits for whoever else holds its pipes, too."""

    def __init__(self, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit, loop)
        self.exited = asyncio.Event()

    def process_exited(self) -> None:
        super().process_exited()
        self.exited.set()


class Running:
    """A process, and its group; in a terminal all of its session."""

    def __init__(self, process: Process, exited: asyncio.Event, pipes: Pipes, terminal: Terminal | None = None) -> None:
        self._process = process
        self._exited = exited
        self._pipes = pipes
        self._terminal = terminal
        self._tasks = TaskSet()

    def tell(self, number: int) -> None:
        """Send a client's signal to the group, or to what is in the foreground of its terminal."""
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid if self._terminal is None else self._terminal.foreground, number)

    def end(self, number: int = signal.SIGKILL) -> None:
        """Send this to all of them. Harmless when there is nobody left."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
        for member in () if self._terminal is None else session_of(self._process.pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(member, number)

    def resize(self, size: Size) -> None:
        """The client's window has another size."""
        if self._terminal is not None:
            self._terminal.resize(size)

    async def serve(self, stream: BiStream, write_error: Write) -> int:
        """Pump until the program has ended and all that it said is sent; its return code, as `subprocess` has it.

        Raises StreamError where the client is gone. However it ends, the group has ended too.
        """
        pipes, process = self._pipes, self._process
        self._tasks.spawn(self._feed(stream), "ssh input")
        self._tasks.spawn(self._end_group(), "ssh process group")
        try:
            await _both(_pump(pipes.out, stream.write), _pump(pipes.errors, write_error))
            await self._exited.wait()
            return process.returncode or 0
        finally:
            await self._end()

    async def _feed(self, stream: BiStream) -> None:
        """The client's bytes into the program, as fast as it takes them; then the end, which a terminal has not."""
        pipe = self._pipes.given
        with contextlib.suppress(StreamError, OSError):
            while data := await stream.read(PIECE):
                pipe.write(data)
                await pipe.drain()
        if self._terminal is None:
            pipe.close()

    async def _end_group(self) -> None:
        """What the program has left behind in its group holds its streams open, and nobody up: it ends with it."""
        await self._exited.wait()
        self.end()

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
            self.end(signal.SIGTERM if self._terminal is None else signal.SIGHUP)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._exited.wait(), GRACE)
        self.end()
        await self._exited.wait()
        self._pipes.given.close()
        if self._terminal is not None:
            self._terminal.close()
        process._transport.close()  # type: ignore[attr-defined]  # whoever escaped the group may hold its pipes


async def _pump(pipe: asyncio.StreamReader | None, write: Write) -> None:
    while pipe is not None and (data := await pipe.read(PIECE)):
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
