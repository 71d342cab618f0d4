"""How often one connection may come with a token that is nobody's (spec core §10, Limits)."""

from collections.abc import Callable

from node.core.connection import CLOSE_TOKENS, Connection
from node.core.identity import AuthToken, Identity
from node.core.metrics import counters
from node.core.repository import IdentityProvider

MEANINGS = counters(failed="Tokens that were nobody's.", closed="Connections closed since too many of theirs were.")
MAX_FAILURES = 5
"""Tokens of one connection that may be nobody's before it is closed, where no setting says otherwise."""


class TokenGuard:
    """Resolves the tokens that one connection brings. Closes it once too many of them were nobody's."""

    def __init__(self, connection: Connection, guards: "TokenGuards") -> None:
        self._connection = connection
        self._guards = guards
        self.failures = 0

    def resolve(self, token: AuthToken) -> Identity | None:
        """Whose token this is; None if nobody's, and for every token once the connection has used up its failures.

        A token whose holder is locked is nobody's for as long, and has not failed: nobody guessed.
        """
        guards = self._guards
        if self.failures >= guards.allowed():
            self._end()
            return None
        identity = guards.provider.resolve_from_token(token)
        if identity is None and guards.provider.lock_on_token(token) is None:
            self.failures += 1
            guards.failed += 1
            if self.failures >= guards.allowed():
                guards.closed += 1
                self._end()
        return identity

    def _end(self) -> None:
        self._connection.close(CLOSE_TOKENS, "too many failed tokens")


class TokenGuards:
    """Makes the guard of each connection, and counts for all of them."""

    def __init__(self, provider: IdentityProvider, allowed: Callable[[], int] = lambda: MAX_FAILURES) -> None:
        self.provider = provider
        self.allowed = allowed
        self.failed = 0
        """Tokens that were nobody's."""
        self.closed = 0
        """Connections that were closed for it."""

    def guard(self, connection: Connection) -> TokenGuard:
        return TokenGuard(connection, self)

    def snapshot(self) -> dict[str, int]:
        return {"failed": self.failed, "closed": self.closed}
