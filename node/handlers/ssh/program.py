"""Starting a program for a peer, as its local user, with three streams and nothing else of the node's."""

import asyncio
from asyncio.subprocess import PIPE, Process, SubprocessStreamProtocol
from collections.abc import Callable
from dataclasses import dataclass
from subprocess import SubprocessError

from node.core.tasks import settled
from node.handlers.ssh.errors import CannotRun
from node.handlers.ssh.local_user import LocalUser
from node.handlers.ssh.process import Pipes, Running
from node.handlers.ssh.terminal import Terminal, TerminalWish, take_terminal

_HELD = 64 * 1024
"""Bytes of a program's output that wait to be sent, of each of its two streams, beside those of the pipe."""


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

    async def start(self) -> Running:
        """Start it in a session and process group of its own, with no descriptor but its three. Raises CannotRun.

        A program that has begun is handed over, or has ended: a cancellation does not lose it half-way.
        """
        starting = asyncio.ensure_future(self._start())
        if await settled(starting):
            if starting.exception() is None:
                await starting.result().stop()
            raise asyncio.CancelledError
        try:
            return starting.result()
        except (OSError, ValueError, RuntimeError, SubprocessError) as error:  # no thread for it: RuntimeError
            raise CannotRun(error.strerror if isinstance(error, OSError) and error.strerror else str(error)) from None

    async def _start(self) -> Running:
        return await (self._with_pipes() if self.terminal is None else self._in_terminal(self.terminal))

    async def _with_pipes(self) -> Running:
        process, exited = await self._spawn(PIPE, PIPE, PIPE)
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ValueError("a program has three streams")
        return Running(process, exited, Pipes(process.stdin, process.stdout, process.stderr))

    async def _in_terminal(self, wish: TerminalWish) -> Running:
        """All that can fail is done before there is a process."""
        terminal = Terminal(wish, self.user)
        try:
            shown, typed = await terminal.streams(_HELD)
            inner = terminal.inner
            process, exited = await self._spawn(inner, inner, inner, take_terminal)
        except BaseException:
            terminal.close()
            raise
        terminal.close_inner()
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


class _Told(SubprocessStreamProtocol):
    """Tells at once that the program has ended: `Process.wait` waits for whoever else holds its pipes, too."""

    def __init__(self, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit, loop)
        self.exited = asyncio.Event()

    def process_exited(self) -> None:
        super().process_exited()
        self.exited.set()
