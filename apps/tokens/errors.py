"""Why a change of API tokens was refused."""

from node.core.errors import InvalidFields


class InvalidToken(InvalidFields):
    """One or more fields of a token are wrong."""


class Absent(LookupError):
    """There is no such token."""

    def __init__(self, token_id: str) -> None:
        super().__init__(f"There is no token “{token_id}”.")
