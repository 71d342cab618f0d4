"""The protocol handler of `alknet/call`."""

from collections.abc import Callable
from functools import partial

from node.core.access import Decision
from node.core.attempts import TokenGuard, TokenGuards
from node.core.capabilities import NO_CAPABILITIES, Capabilities
from node.core.connection import Connection
from node.core.identity import AuthContext, AuthToken, Identity
from node.core.journal import Journal, NoJournal
from node.core.live import Live, live
from node.core.metrics import counters, gauges
from node.core.repository import IdentityProvider, resolve_client
from node.handlers.call import counts
from node.handlers.call.admission import Told
from node.handlers.call.allowance import Allowances
from node.handlers.call.connection import CallConnection
from node.handlers.call.denials import Denials
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import OperationRegistry
from node.handlers.call.peers import PeerMap
from node.handlers.call.roots import Roots, Sessions

ALPN = b"alknet/call"

MEANINGS = {
    **counts.MEANINGS,
    **gauges(
        composed="Calls that are composed now.",
        continuing="Of those, calls that go on though their caller is gone.",
        imported_peers="Peers by whom calls can be composed.",
        received_bytes="Bytes of requests that are held now.",
        unsent_bytes="Bytes of answers that are held now.",
    ),
    **counters(denied="Operations that callers were denied."),
}


class CallHandler:
    """Serves every connection of `alknet/call` from one registry."""

    alpn = ALPN

    def __init__(
        self,
        registry: OperationRegistry,
        provider: IdentityProvider,
        limits: CallLimits | Live[CallLimits],
        guards: TokenGuards | None = None,
        capabilities: Capabilities | Live[Capabilities] = NO_CAPABILITIES,
        sessions: Sessions | None = None,
        journal: Journal | None = None,
    ) -> None:
        """`capabilities` are the secrets that operations may use towards others, and reach nobody who is refused.

        `sessions` tells which operations the session of a request adds for its handler to compose.
        """
        self._registry = registry
        self._provider = provider
        self._limits = live(limits)
        self._journal = journal or NoJournal()
        self._denied = 0
        self._guards = guards or TokenGuards(provider)
        self._capabilities = live(capabilities)
        self._allowances = Allowances(self._limits)
        self.peers = PeerMap()
        """The peers whose operations the handlers of any request can compose (`node.handlers.call.hub`)."""
        self._roots = Roots(self._limits, self.peers, sessions)
        self._greet: Callable[[CallConnection], None] | None = None

    def greet_with(self, greet: Callable[[CallConnection], None]) -> None:
        """Have `greet` called with each connection that was accepted, before it is served. It must not raise."""
        self._greet = greet

    async def handle(self, connection: Connection, auth: AuthContext) -> None:
        calls = self.calls(connection, auth)
        if self._greet is not None:
            self._greet(calls)
        await calls.run()

    def calls(self, connection: Connection, auth: AuthContext) -> CallConnection:
        """The calls of one connection, to be run: of one that was accepted, or one that a program of ours has dialled.

        For the latter, `auth` names the peer that was pinned; it may call us as if it had dialled.
        """
        allowances = self._allowances
        allowance = allowances.of_stranger() if auth.identity is None else allowances.of_peer()
        identify = partial(self._identify, self._guards.guard(connection))
        denials = Denials(self._journal, auth)
        told = self._told(denials)
        dispatcher = Dispatcher(self._registry, identify, self._limits, self._capabilities, self._roots, told)
        calls = CallConnection(connection, auth, dispatcher, self._limits.value, allowance)
        calls.on_end(denials.close)
        return calls

    def snapshot(self) -> dict[str, int]:
        """What is composed at this moment, how much of it for nobody any more, and by how many peers it can be done.

        Then the bytes that are held for calls, and how often each bound has bitten.
        """
        composed = self._roots.composed
        return {
            "composed": len(composed.tasks),
            "continuing": composed.going_on,
            "imported_peers": len(self.peers.snapshot()),
            "denied": self._denied,
            **self._allowances.snapshot(),
        }

    def denials(self) -> dict[str, int]:
        """Operations that callers were denied."""
        return {"forbidden": self._denied}

    def _told(self, denials: Denials) -> Told:
        """Tells each denial, and counts it."""

        def tell(operation: str, caller: Identity | None, decision: Decision) -> None:
            self._denied += 1
            denials.tell(operation, caller, decision)

        return tell

    def _identify(self, guard: TokenGuard, auth: AuthContext, token: str | None) -> Identity | None:
        """A token that does not resolve falls back to the key, silently (spec call §10), until there were too many."""
        by_token = None if token is None else guard.resolve(AuthToken(token.encode()))
        return by_token or resolve_client(self._provider, auth)
