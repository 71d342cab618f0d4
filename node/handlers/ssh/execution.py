"""Running a command or a shell for a peer: whether it may, in which surroundings, and what it is told where not."""

import logging
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from node.core.text import printable
from node.handlers.ssh.command import NoCommand, parse_command, program_of
from node.handlers.ssh.environment import environment_of
from node.handlers.ssh.errors import CannotRun
from node.handlers.ssh.holder import Holder
from node.handlers.ssh.local_user import local_user
from node.handlers.ssh.process import Running
from node.handlers.ssh.program import Program
from node.handlers.ssh.rights import Rights
from node.handlers.ssh.stream import ChannelStream
from node.handlers.ssh.terminal import TerminalWish

DENIED = 126
"""Exit status of a command that is not allowed, or cannot be run: a shell's for what it may not execute."""
_NOT_ALLOWED = b"alknet: this command is not allowed\n"
_NO_SHELL = b"alknet: a shell is not allowed; name a command, as in: ssh NODE COMMAND\n"
_NOT_UNDERSTOOD = b"alknet: this command cannot be taken apart into words\n"
_NOT_RUN = b"alknet: this command cannot be run here; the node's log says why\n"

logger = logging.getLogger(__name__)


class Execution:
    """What one session runs, with its variables, and in a terminal where it wishes for one."""

    def __init__(
        self,
        holder: Holder,
        rights: Rights,
        stream: ChannelStream,
        variables: Mapping[str, str],
        wish: TerminalWish | None,
        began: Callable[[Running], None],
    ) -> None:
        """`began` is told of the program when it runs."""
        self._holder = holder
        self._rights = rights
        self._stream = stream
        self._variables = variables
        self._wish = wish
        self._began = began

    async def run_command(self, text: str) -> int:
        """The program's return code, as `subprocess` has it. Raises StreamError where the client is gone."""
        try:
            command = parse_command(text)
        except NoCommand:
            return await self._refuse(_NOT_UNDERSTOOD)
        if not self._rights.has(command.scope, command.shown):
            return await self._refuse(_NOT_ALLOWED)
        path = program_of(command, self._holder.settings.programs)
        if path is None:
            self._rights.refuse(command.shown, "ssh.programs does not name it")
            return await self._refuse(_NOT_ALLOWED)
        return await self._serve(path, command.words)

    async def run_shell(self) -> int:
        """The same of the shell, as a login shell. Who may not have one is told so here: a refusal has no words."""
        if not self._rights.has_shell("shell"):
            return await self._refuse(_NO_SHELL)
        shell = self._holder.settings.shell
        return await self._serve(shell, (f"-{PurePosixPath(shell).name}",), SHELL=shell)

    async def _serve(self, path: str, words: tuple[str, ...], **variables: str) -> int:
        try:
            running = await self._program(path, words, variables).start()
        except CannotRun as error:
            logger.error("a program was not run", extra={"program": path, "error": printable(str(error))})
            return await self._refuse(_NOT_RUN)
        self._began(running)
        return await running.serve(self._stream, self._stream.write_error)

    def _program(self, path: str, words: tuple[str, ...], variables: dict[str, str]) -> Program:
        """Raises CannotRun."""
        settings, user = self._holder.settings, local_user(self._holder.settings.user)
        more = variables if self._wish is None else {**variables, "TERM": self._wish.term}
        environment = environment_of(user, self._holder.identity.id, self._variables, **more)
        return Program(path, words, environment, user, settings.directory, self._wish)

    async def _refuse(self, words: bytes) -> int:
        await self._stream.write_error(words)
        return DENIED
