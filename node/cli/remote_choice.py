"""Which panel the commands of this process ask. Light: it is imported before any command is."""

from dataclasses import dataclass
from pathlib import Path

COMMANDS = frozenset(
    {
        "access",
        "activity",
        "audit",
        "claim",
        "credential",
        "forwarding",
        "key",
        "lock",
        "locks",
        "peer",
        "token",
        "unlock",
        "user",
    }
)
"""The commands that know how to ask another machine; some of their subcommands do not."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was said before the command: the panel's URL, where its token is, and by what it is trusted."""

    url: str
    token_file: Path | None = None
    pin: str | None = None
    ca_file: Path | None = None


_chosen: list[Choice] = []


def choose(choice: Choice) -> None:
    """From now on commands ask this panel."""
    _chosen[:] = [choice]


def chosen() -> Choice | None:
    """The panel to ask; None is this machine's own database."""
    return _chosen[0] if _chosen else None
