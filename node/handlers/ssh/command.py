"""What a client asks to have run: words, of which the first names a program. No shell ever sees them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from node.core.text import printable
from node.handlers.ssh.words import split_words

MAX_COMMAND = 32 * 1024
"""Characters of one command."""
MAX_WORDS = 1024
MAX_SHOWN = 64
"""Characters of a program's name that are told."""


class NoCommand(ValueError):
    """It cannot be taken apart into words: a quotation has no end, or there are none, or too many."""


@dataclass(frozen=True, slots=True)
class Command:
    """`words` as the client has them, the program's name first."""

    words: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the scope for it ends in: of a path, its last part."""
        return PurePosixPath(self.words[0]).name

    @property
    def scope(self) -> str:
        """The scope that it takes. A name with a colon would be two fields of it, and is nobody's."""
        return f"ssh:exec:{self.name}"

    @property
    def shown(self) -> str:
        """Fit for logs: the name, and never what comes after it."""
        return printable(self.name[:MAX_SHOWN])


def parse_command(text: str) -> Command:
    """The words as a shell would split them (POSIX quoting), with nothing expanded. Raises NoCommand."""
    if len(text) > MAX_COMMAND or "\0" in text:
        raise NoCommand("too long, or not text")
    try:
        words = split_words(text, MAX_WORDS)
    except ValueError as error:
        raise NoCommand(str(error)) from None
    if not words or not words[0] or len(words) > MAX_WORDS:
        raise NoCommand("no words, or too many")
    return Command(words)


def program_of(command: Command, programs: Iterable[str]) -> str | None:
    """The absolute path of the program among those that may be run; None where it is none of them.

    A client names it by its path or by the last part of that, and never by another path.
    """
    asked = command.words[0]
    return next((path for path in programs if asked in (path, PurePosixPath(path).name)), None)
