"""Why a change of credentials was refused; wrong fields are node.core.credentials.InvalidCredential.

None of these texts holds anything of a content: what the node says of one is not repeated.
"""


class Absent(LookupError):
    """There is no credential for this provider."""

    def __init__(self, provider: str) -> None:
        super().__init__(f"There is no credential “{provider}”.")


class NotSealed(Exception):
    """The node did not seal, and nothing was stored. The message is a sentence for people."""


class NodeUnavailable(NotSealed):
    """The node can seal nothing at the moment: it does not run, or its vault is locked."""
