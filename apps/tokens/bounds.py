"""Nobody makes a token that may more than they may, nor touches another's without being an owner of the panel."""

from collections.abc import Collection, Iterable

from apps.accounts.rights import Right, granted
from apps.tokens.errors import InvalidToken
from apps.tokens.selectors import TokenFacts


class NotYours(PermissionError):
    """The token is somebody else's."""

    def __init__(self) -> None:
        super().__init__("That token is not yours: to change those of others takes the right users:write.")


def refuse_excess(*, rights: Collection[str], owner: str, held: frozenset[Right], username: str) -> None:
    """Raises InvalidToken and NotYours. `held` and `username` are those of whoever makes the token."""
    refuse_others(owners=[owner], held=held, username=username)
    if excess := sorted(granted(rights) - held):
        raise InvalidToken({"rights": [f"You have not the right {right} yourself." for right in excess[:8]]})


def refuse_others(*, owners: Iterable[str], held: frozenset[Right], username: str) -> None:
    """Raises NotYours where a token is none of this user's; one without an owner is nobody's but an owner's."""
    if Right.USERS_WRITE not in held and any(owner != username or not owner for owner in owners):
        raise NotYours


def owners_of(tokens: Iterable[TokenFacts]) -> list[str]:
    return [token.owner for token in tokens]
