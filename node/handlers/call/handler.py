"""The protocol handler of `alknet/call`."""

from node.core.connection import Connection
from node.core.identity import AuthContext, AuthToken, Identity
from node.core.repository import IdentityProvider, resolve_client
from node.handlers.call.budget import Allowances
from node.handlers.call.connection import CallConnection
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import OperationRegistry

ALPN = b"alknet/call"


class CallHandler:
    """Serves every connection of `alknet/call` from one registry."""

    alpn = ALPN

    def __init__(self, registry: OperationRegistry, provider: IdentityProvider, limits: CallLimits) -> None:
        self._provider = provider
        self._limits = limits
        self._allowances = Allowances(limits)
        self._dispatcher = Dispatcher(registry, self._identify, limits)

    async def handle(self, connection: Connection, auth: AuthContext) -> None:
        allowances = self._allowances
        allowance = allowances.of_stranger() if auth.identity is None else allowances.of_peer()
        await CallConnection(connection, auth, self._dispatcher, self._limits, allowance).run()

    def _identify(self, auth: AuthContext, token: str | None) -> Identity | None:
        """A token that does not resolve falls back to the key, silently (spec call §10)."""
        by_token = None if token is None else self._provider.resolve_from_token(AuthToken(token.encode()))
        return by_token or resolve_client(self._provider, auth)
