"""One program that runs for a peer: its streams pumped by hand, and everything that it started ended with it."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from node.core.connection import BiStream
from node.core.errors import StreamError
from node.core.tasks import TaskSet, every, settled
from node.handlers.ssh.channel import PACKET
from node.handlers.ssh.terminal import Size, Terminal, session_of

GRACE = 0.04
"""Seconds from the request to end to the end by force: the client that has left is not to find its program running."""
_LOOKS = 3
"""How often a terminal's session is looked through at its end: what forks meanwhile is found by the next look."""

Write = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Pipes:
    """A program's streams as the node has them. In a terminal there is no `errors`: they are in what is shown."""

    given: asyncio.StreamWriter
    out: asyncio.StreamReader
    errors: asyncio.StreamReader | None = None


class Running:
    """A process, and its group; in a terminal all of its session.

    Once it has ended and the rest is killed, nothing is signalled any more: its number, and that of its terminal's
    descriptor, are free for another's by then.
    """

    def __init__(self, process: Process, exited: asyncio.Event, pipes: Pipes, terminal: Terminal | None = None) -> None:
        self._process = process
        self._exited = exited
        self._pipes = pipes
        self._terminal = terminal
        self._swept = False
        self._tasks = TaskSet()

    def tell(self, number: int) -> None:
        """Send a client's signal to the group, or to what is in the foreground of its terminal."""
        if not self._exited.is_set():
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid if self._terminal is None else self._terminal.foreground, number)

    def end(self, number: int = signal.SIGKILL) -> None:
        """Send this to all of them. Harmless when there is nobody left."""
        if not self._swept:
            self._signal(number)

    def resize(self, size: Size) -> None:
        """The client's window has another size."""
        if self._terminal is not None:
            self._terminal.resize(size)

    async def serve(self, stream: BiStream, write_error: Write) -> int:
        """Pump until the program has ended and all that it said is sent; its return code, as `subprocess` has it.

        Raises StreamError where the client is gone. However it ends, the group has ended too.
        """
        pipes = self._pipes
        self._tasks.spawn(self._feed(stream), "ssh input")
        self._tasks.spawn(self._end_group(), "ssh process group")
        try:
            await every(_pump(pipes.out, stream.write), _pump(pipes.errors, write_error))
            await self._exited.wait()
            return self._process.returncode or 0
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Ask everything to end, and make it, however often this is cancelled meanwhile."""
        ending = asyncio.ensure_future(self._end_process())
        await settled(ending)
        await self._tasks.cancel()
        ending.result()

    async def _feed(self, stream: BiStream) -> None:
        """The client's bytes into the program, as fast as it takes them; then the end, which a terminal has not."""
        pipe = self._pipes.given
        with contextlib.suppress(StreamError, OSError):
            while data := await stream.read(PACKET):
                pipe.write(data)
                await pipe.drain()
        if self._terminal is None:
            pipe.close()

    async def _end_group(self) -> None:
        """What the program has left behind in its group holds its streams open, and nobody up: it ends with it."""
        await self._exited.wait()
        self._sweep()

    async def _end_process(self) -> None:
        if not self._exited.is_set():
            self.end(signal.SIGTERM if self._terminal is None else signal.SIGHUP)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._exited.wait(), GRACE)
        self.end()
        await self._exited.wait()
        self._sweep()
        self._pipes.given.close()
        if self._terminal is not None:
            self._terminal.close()
        transport: Any = self._process._transport  # type: ignore[attr-defined]
        transport.close()  # whoever escaped the group may hold its pipes

    def _sweep(self) -> None:
        """Kill what the ended program has left, once: for as long as one of them is there, its number is no other's."""
        if not self._swept:
            self._swept = True
            for _ in range(_LOOKS):
                if not self._signal(signal.SIGKILL):
                    break

    def _signal(self, number: int) -> bool:
        """Whether there was somebody besides the group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
        members = () if self._terminal is None else session_of(self._process.pid)
        for member in members:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(member, number)
        return bool(members)


async def _pump(pipe: asyncio.StreamReader | None, write: Write) -> None:
    """All of the program's output to the client, until its end."""
    while pipe is not None and (data := await pipe.read(PACKET)):
        await write(data)
