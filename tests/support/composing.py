"""Handlers that compose, run through a dispatcher as a request from the wire would be, without a wire."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from node.core.capabilities import Capabilities
from node.core.identity import AuthContext, Identity
from node.core.ownership import OwnershipStore
from node.handlers.call.authority import CompositionAuthority, ScopedEnvironment
from node.handlers.call.dispatch import Dispatcher, Invocation
from node.handlers.call.envelope import Request
from node.handlers.call.errors import CallError
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry
from node.handlers.call.peers import Overlay, PeerMap
from node.handlers.call.roots import Roots, Sessions

Compose = Callable[[OperationContext], Awaitable[Any]]


def provided(name: str, says: str, **more: Any) -> Operation:
    """An operation that tells who it is and what its context was."""

    async def handler(value: Any, context: OperationContext) -> Any:
        return {"says": says, "value": value, "context": context}

    return Operation(name, handler, **more)


class Composing:
    """A node with one operation, `top/run`, whose handler does what each test gives it."""

    def __init__(self, limits: CallLimits | None = None, sessions: Sessions | None = None) -> None:
        self.registry, self.peers = OperationRegistry(OwnershipStore()), PeerMap()
        self.capabilities = Capabilities().with_api_key("shop", "secret")
        self.roots = Roots(limits or CallLimits(), self.peers, sessions)
        self.limits = limits or CallLimits()

    def invocation(
        self,
        work: Compose,
        *,
        caller: Identity | None = None,
        authority: CompositionAuthority | None = None,
        allowed: tuple[str, ...] = (),
        pinned: tuple[str, ...] = (),
        imported: Overlay | None = None,
        request: Request | None = None,
    ) -> Invocation:
        """`top/run` asked for by `caller`, its handler having this authority and reach."""

        async def top(_: Any, context: OperationContext) -> Any:
            return await work(context)

        registry = OperationRegistry(self.registry.ownership)
        for operation in self.registry:
            registry.register(operation)
        reach = ScopedEnvironment(frozenset(allowed), frozenset(pinned))
        registry.register(Operation("top/run", top, authority=authority, scoped_env=reach))
        dispatcher = Dispatcher(registry, _by_key, self.limits, self.capabilities, self.roots)
        asked = request or Request("top/run", msgspec.Raw(b"null"), None, None)
        return dispatcher.begin("wire-1", asked, AuthContext(caller, b"alknet/call"), imported)

    async def run(self, work: Compose, **more: Any) -> Any:
        """The output, or the code and message of the CallError that it ended with."""
        invocation = self.invocation(work, **more)
        try:
            return await invocation.once()
        except CallError as error:
            return error.code, error.message
        finally:
            invocation.call.end()


def _by_key(auth: AuthContext, _: str | None) -> Identity | None:
    return auth.identity
