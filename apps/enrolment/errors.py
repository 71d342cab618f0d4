"""Why a change of invitations or claims was refused."""

from node.core.errors import InvalidFields


class InvalidInvite(InvalidFields):
    """One or more fields of an invitation are wrong."""


class Absent(LookupError):
    """There is no such invitation or claim."""

    def __init__(self, noun: str, name: str) -> None:
        super().__init__(f"There is no {noun} “{name}”.")


class Conflict(Exception):
    """The claim is not what it was when it was looked at. The message says in which way."""
