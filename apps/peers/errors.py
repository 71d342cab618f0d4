"""Why a change of peers or API keys was refused. Wrong fields are node.core.peers.InvalidPeer."""


class Absent(LookupError):
    """There is no such peer or API key."""

    def __init__(self, noun: str, name: str) -> None:
        super().__init__(f"There is no {noun} “{name}”.")
