"""From a request to what may run: look up, check, read the input (spec call §6)."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

from node.core.capabilities import NO_CAPABILITIES, Capabilities
from node.core.identity import AuthContext, Identity
from node.core.live import Live, live
from node.handlers.call.admission import Told, accept, admit, nobody_hears
from node.handlers.call.authority import NOTHING_IN_REACH
from node.handlers.call.call_tree import Call
from node.handlers.call.envelope import Request, read_input
from node.handlers.call.errors import not_found
from node.handlers.call.invoke import invoke, invoke_streaming
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry, OperationType
from node.handlers.call.peers import Overlay
from node.handlers.call.roots import Roots

Identify = Callable[[AuthContext, str | None], Identity | None]
"""Who makes a request: the holder of its token if that resolves, else of the connection's key, now (spec call §10)."""


@dataclass(slots=True)  # frozen ones take several times as long to make
class Invocation:
    """A request whose caller may make it, and whose input is right."""

    operation: Operation
    value: Any = field(repr=False)
    context: OperationContext

    @property
    def call(self) -> Call:
        return self.context.call

    @property
    def streams(self) -> bool:
        return self.operation.op_type is OperationType.SUBSCRIPTION

    async def once(self) -> Any:
        """The one output. Raises CallError, INVALID_OPERATION_TYPE on a subscription."""
        return await invoke(self.operation, self.value, self.context)

    def items(self) -> AsyncGenerator[Any, None]:
        """The items of a subscription. Raises CallError while iterated, INVALID_OPERATION_TYPE on anything else."""
        return invoke_streaming(self.operation, self.value, self.context)


class Dispatcher:
    """Runs requests against one registry."""

    def __init__(
        self,
        registry: OperationRegistry,
        identify: Identify,
        limits: CallLimits | Live[CallLimits],
        capabilities: Capabilities | Live[Capabilities] = NO_CAPABILITIES,
        roots: Roots | None = None,
        denied: Told = nobody_hears,
    ) -> None:
        """`roots` is what this has in common with other dispatchers of the node: its peers, and the composed calls.

        `denied` hears of each request that was denied.
        """
        self._registry = registry
        self._identify = identify
        self._limits = live(limits)
        self._capabilities = live(capabilities)
        self._roots = roots or Roots(self._limits)
        self._denied = denied

    def begin(
        self, request_id: str, request: Request, auth: AuthContext, imported: Overlay | None = None
    ) -> Invocation:
        """What the request asks for, ready to run. Raises CallError; the order of the refusals is a contract.

        It is one of this node's own operations: what was `imported` from the peer is for its handler to compose.
        The input is read only once the caller is known to be allowed: until then it costs us nothing but its bytes.
        """
        identity = self._identify(auth, request.auth_token)
        operation = self._permitted(request.operation, identity)
        value = read_input(request.input, operation.max_input, self._limits.value.max_nesting)
        accept(operation, value, identity, self._registry.ownership, self._denied)
        context = OperationContext(
            request_id,
            identity,
            auth,
            request.forwarded_for,
            self._deadline(operation),
            self._capabilities.value,
            handler_identity=operation.handler_identity,
            scoped_env=operation.scoped_env or NOTHING_IN_REACH,
            ownership=self._registry.ownership,
        )
        self._roots.plant(context, self._registry, imported)
        return Invocation(operation, value, context)

    def _permitted(self, name: str, identity: Identity | None) -> Operation:
        """The operation if this caller may run it. What must stay hidden is answered like what does not exist."""
        operation = self._registry.external(name)
        if operation is None:
            raise not_found(name)
        admit(operation, identity, self._registry.ownership, self._denied)
        return operation

    def _deadline(self, operation: Operation) -> float | None:
        """A subscription may last for ever; its caller ends it."""
        if operation.op_type is OperationType.SUBSCRIPTION:
            return None
        return asyncio.get_running_loop().time() + self._limits.value.request_timeout
