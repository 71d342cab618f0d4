"""Why a change was refused."""

from node.core.peers import InvalidPeer


class Absent(Exception):
    """There is no such assertion."""

    def __init__(self, assertion_id: str) -> None:
        super().__init__(f"There is no assertion “{assertion_id}”.")


class AssertionBroken(InvalidPeer):
    """A change of peers or API keys breaks what must go on being so. Every door shows it as one of theirs."""
