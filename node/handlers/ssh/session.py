"""One session of a connection: what a client asks for, whether it may, and the task that does it."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

import asyncssh

from node.core.access import Decision
from node.core.errors import StreamError
from node.core.identity import Identity
from node.core.scopes import allowed_by_scope
from node.core.text import printable
from node.handlers.ssh.channel import ChannelStream, SessionChannel
from node.handlers.ssh.command import MAX_SHOWN, NoCommand, parse_command, program_of
from node.handlers.ssh.environment import environment_of
from node.handlers.ssh.errors import CannotRun
from node.handlers.ssh.limits import SshSettings
from node.handlers.ssh.local_user import local_user
from node.handlers.ssh.process import Program, Running
from node.handlers.ssh.terminal import Size, TerminalWish

if TYPE_CHECKING:
    _Session = asyncssh.SSHServerSession[bytes]
else:
    _Session = asyncssh.SSHServerSession

DENIED = 126
"""Exit status of a command that is not allowed, or cannot be run: a shell's for what it may not execute."""
_NOT_ALLOWED = b"alknet: this command is not allowed\n"
_NO_SHELL = b"alknet: a shell is not allowed; name a command, as in: ssh NODE COMMAND\n"
_NOT_UNDERSTOOD = b"alknet: this command cannot be taken apart into words\n"
_NOT_RUN = b"alknet: this command cannot be run here; the node's log says why\n"
_SIGNALS = {"HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "KILL"}
"""Signals that a client may send to its program (RFC 4254 §6.9)."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SubsystemSession:
    """What a subsystem gets: the peer, a way to ask who it is at this moment, and the client's bytes both ways.

    `current` gives None once the peer has lost its right to the connection. The stream is ended by the session.
    """

    identity: Identity
    current: Callable[[], Identity | None]
    stream: ChannelStream


class Subsystem(Protocol):
    """Serves one session to its end and gives its exit status. It is cancelled when the session has to end."""

    def __call__(self, session: SubsystemSession) -> Awaitable[int]: ...


class Holder(Protocol):
    """What a session knows of its connection."""

    subsystems: Mapping[str, Subsystem]
    identity: Identity
    takes: asyncio.Event

    @property
    def settings(self) -> SshSettings:
        """Those in force."""
        ...

    def current(self) -> Identity | None:
        """Who the peer is at this moment."""
        ...

    def denied(self, asked: str, decision: Decision) -> None: ...

    def spawn(self, session: "Session") -> "asyncio.Task[None]":
        """Run the session."""
        ...

    def over(self, session: "Session") -> None:
        """The session has no channel any more."""
        ...


class Session(_Session):
    """asyncssh calls the methods of this one; nothing is allowed that none of them allows."""

    def __init__(self, holder: Holder, channel: SessionChannel) -> None:
        self._holder = holder
        self._channel = channel
        self._stream = ChannelStream(channel, holder.takes)
        self._command: str | None = None
        self._subsystem: str | None = None
        self._task: asyncio.Task[None] | None = None
        self._running: Running | None = None
        self._wish: TerminalWish | None = None
        self.scopes: set[str] = set()
        """The scopes that what runs has been allowed by."""

    def pty_requested(self, term_type: str, term_size: Size, term_modes: Mapping[int, int]) -> bool:
        """A terminal takes what a shell takes, also for a command."""
        if not self._may_have_shell("terminal"):
            return False
        self._wish = TerminalWish(term_type, term_size, term_modes)
        return True

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        size = (width, height, pixwidth, pixheight)
        if self._running is not None:
            self._running.resize(size)
        elif self._wish is not None:
            self._wish = replace(self._wish, size=size)

    def exec_requested(self, command: str) -> bool:
        self._command = command
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        """A subsystem `sftp` takes the scope `ssh:sftp`."""
        if subsystem not in self._holder.subsystems:
            self._holder.denied(printable(subsystem[:MAX_SHOWN]), _refused("there is no such subsystem"))
            return False
        self._subsystem = subsystem
        return self._may(f"ssh:{subsystem}", subsystem)

    def shell_requested(self) -> bool:
        """Who may not have one is told so once it runs: a refusal has no room for words."""
        return True

    def session_started(self) -> None:
        self._task = self._holder.spawn(self)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self._stream.fed(data)

    def eof_received(self) -> bool:
        """True: the client may go on reading."""
        self._stream.ended()
        return True

    def pause_writing(self) -> None:
        self._stream.pause()

    def resume_writing(self) -> None:
        self._stream.go_on()

    def signal_received(self, signal: str) -> None:
        if signal in _SIGNALS and self._running is not None:
            self._running.tell(_number(signal))

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed, by whomever: what still runs for it ends."""
        self._stream.lost()
        if self._task is not None:
            self._task.cancel()
        self._holder.over(self)

    def judge(self, identity: Identity) -> bool:
        """End what runs if the peer has lost the scope for it; whether it has."""
        if all(allowed_by_scope(identity, scope).allowed for scope in self.scopes):
            return False
        self.kill()
        self._stream.reset()
        return True

    def kill(self) -> None:
        """End what runs by force, at once."""
        if self._running is not None:
            self._running.end()
        if self._task is not None:
            self._task.cancel()

    async def run(self) -> None:
        """Do what was asked for, tell how it ended, and close the channel."""
        try:
            status = await self._run()
        except StreamError:
            return
        if status < 0:
            self._channel.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
        else:
            self._channel.exit(status)

    async def _run(self) -> int:
        holder = self._holder
        if self._subsystem is not None:
            given = SubsystemSession(holder.identity, holder.current, self._stream)
            return await holder.subsystems[self._subsystem](given)
        if self._command is not None:
            return await self._run_command(self._command)
        if not self._may_have_shell("shell"):
            return await self._refuse(_NO_SHELL)
        shell = holder.settings.shell
        return await self._serve(shell, (f"-{PurePosixPath(shell).name}",), SHELL=shell)

    async def _run_command(self, text: str) -> int:
        try:
            command = parse_command(text)
        except NoCommand:
            return await self._refuse(_NOT_UNDERSTOOD)
        path = program_of(command, self._holder.settings.programs)
        if not self._may(command.scope, command.shown):
            return await self._refuse(_NOT_ALLOWED)
        if path is None:
            self._holder.denied(command.shown, _refused("ssh.programs does not name it"))
            return await self._refuse(_NOT_ALLOWED)
        return await self._serve(path, command.words)

    async def _serve(self, path: str, words: tuple[str, ...], **variables: str) -> int:
        try:
            self._running = await self._program(path, words, variables).start()
        except CannotRun as error:
            logger.error("a program was not run", extra={"program": path, "error": printable(str(error))})
            return await self._refuse(_NOT_RUN)
        return await self._running.serve(self._stream, self._stream.write_error)

    def _program(self, path: str, words: tuple[str, ...], variables: dict[str, str]) -> Program:
        """Raises CannotRun."""
        settings, user = self._holder.settings, local_user(self._holder.settings.user)
        more = variables if self._wish is None else {**variables, "TERM": self._wish.term}
        environment = environment_of(user, self._holder.identity.id, self._channel.variables, **more)
        return Program(path, words, environment, user, settings.directory, self._wish)

    def _may_have_shell(self, shown: str) -> bool:
        if not self._holder.settings.shell:
            self._holder.denied(shown, _refused("ssh.shell names no shell"))
            return False
        return self._may("ssh:shell", shown)

    def _may(self, scope: str, shown: str) -> bool:
        """Whether the peer has the scope at this moment; one that has not is told to the journal."""
        identity = self._holder.current()
        if identity is None:
            return False
        decision = allowed_by_scope(identity, scope)
        if decision.allowed:
            self.scopes.add(scope)
        else:
            self._holder.denied(shown, decision)
        return decision.allowed

    async def _refuse(self, words: bytes) -> int:
        await self._stream.write_error(words)
        return DENIED


def _refused(why: str) -> Decision:
    """By the settings, and not for want of a scope."""
    return Decision(allowed=False, message="not allowed by the settings", explanation=why)


def _number(name: str) -> int:
    return signal.Signals[f"SIG{name}"].value
