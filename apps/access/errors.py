"""Why a change was refused."""

from node.core.peers import InvalidPeer


class Absent(Exception):
    """There is no such assertion, or no such grant."""

    def __init__(self, object_id: str, noun: str = "assertion") -> None:
        super().__init__(f"There is no {noun} “{object_id}”.")


class AssertionBroken(InvalidPeer):
    """A change of peers or API keys breaks what must go on being so. Every door shows it as one of theirs."""
