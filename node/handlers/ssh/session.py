"""One session of a connection: what a client asks for, whether it may, and the task that does it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import asyncssh

from node.core.errors import StreamError
from node.core.identity import Identity
from node.core.text import printable
from node.handlers.ssh import signals
from node.handlers.ssh.channel import SessionChannel
from node.handlers.ssh.command import MAX_SHOWN
from node.handlers.ssh.execution import Execution
from node.handlers.ssh.holder import SessionHolder
from node.handlers.ssh.process import Running
from node.handlers.ssh.rights import Rights
from node.handlers.ssh.stream import ChannelStream
from node.handlers.ssh.subsystem import SubsystemSession
from node.handlers.ssh.terminal import Size, TerminalWish

if TYPE_CHECKING:
    _Session = asyncssh.SSHServerSession[bytes]
else:
    _Session = asyncssh.SSHServerSession

FAILED = 255
"""Exit status of a session in which the node has failed: that of `ssh` where something went wrong on the way."""

logger = logging.getLogger(__name__)


class Session(_Session):
    """asyncssh calls the methods of this one; nothing is allowed that none of them allows."""

    def __init__(self, holder: SessionHolder, channel: SessionChannel) -> None:
        self._holder = holder
        self._channel = channel
        self._stream = ChannelStream(channel, holder.takes)
        self._rights = Rights(holder)
        self._work: Callable[[], Awaitable[int]] | None = None
        """What was asked for, and may be."""
        self._task: asyncio.Task[None] | None = None
        self._running: Running | None = None
        self._wish: TerminalWish | None = None
        self._early: set[int] = set()
        """Signals that came before the program has begun."""

    # What a client asks for

    def pty_requested(self, term_type: str, term_size: Size, term_modes: Mapping[int, int]) -> bool:
        if not self._rights.has_shell("terminal"):
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
        """True, so that a command that is not allowed ends with a status and a text."""
        self._work = lambda: self._execution().run_command(command)
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        """A subsystem `sftp` takes the scope `ssh:sftp`."""
        serve = self._holder.subsystems.get(subsystem)
        if serve is None:
            self._rights.refuse(printable(subsystem[:MAX_SHOWN]), "there is no such subsystem")
            return False
        if not self._rights.has(f"ssh:{subsystem}", subsystem):
            return False
        given = SubsystemSession(self._holder.identity, self._holder.current, self._stream)
        self._work = lambda: serve(given)
        return True

    def shell_requested(self) -> bool:
        self._work = lambda: self._execution().run_shell()
        return True

    def session_started(self) -> None:
        self._task = self._holder.spawn(self)

    # What comes later

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
        number = signals.from_client(signal)
        if number is not None and self._running is not None:
            self._running.tell(number)
        elif number is not None:
            self._early.add(number)

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed, by whomever: what still runs for it ends."""
        self._stream.lost()
        if self._task is not None:
            self._task.cancel()
        self._holder.over(self)

    # What its connection does

    def judge(self, identity: Identity) -> bool:
        """End what runs if the peer has lost the scope for it; whether it has."""
        if not self._rights.lost(identity):
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
        """Do what was asked for, tell how it ended, and close the channel, whatever goes wrong."""
        try:
            status = FAILED if self._work is None else await self._work()
        except StreamError:
            return
        except Exception:
            logger.exception("a session failed")
            status = FAILED
        if status < 0:
            self._channel.exit_with_signal(signals.name_of(-status))
        else:
            self._channel.exit(status)

    def _execution(self) -> Execution:
        return Execution(self._holder, self._rights, self._stream, self._channel.variables, self._wish, self._runs)

    def _runs(self, running: Running) -> None:
        """A program has begun; the window may have got another size meanwhile, and signals may have come."""
        self._running = running
        if self._wish is not None:
            running.resize(self._wish.size)
        for number in self._early:
            running.tell(number)
