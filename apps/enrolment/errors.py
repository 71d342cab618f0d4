"""Why a change of invitations or claims was refused."""

from node.core.errors import InvalidFields


class InvalidInvite(InvalidFields):
    """One or more fields of an invitation are wrong."""


class Absent(LookupError):
    """There is no such invitation or claim."""

    def __init__(self, noun: str, name: str) -> None:
        super().__init__(f"There is no {noun} “{name}”.")


class NodeUnavailable(Exception):
    """The node does not answer, and only it knows what stands in every code: its key."""

    def __init__(self) -> None:
        super().__init__("The node does not serve at the moment, so its key is not known. Start it.")


class Conflict(Exception):
    """The claim is not what it was when it was looked at. The message says in which way."""
