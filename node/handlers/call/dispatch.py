"""From a request to its result: look up, check, run, bound in time (spec call §6)."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from node.core.access import check_access
from node.core.capabilities import NO_CAPABILITIES, Capabilities
from node.core.identity import AuthContext, Identity
from node.core.live import Live, live
from node.handlers.call.envelope import Request, read_input
from node.handlers.call.errors import CallError, ErrorCode, internal, not_found, timed_out
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry, OperationType

Identify = Callable[[AuthContext, str | None], Identity | None]
"""Who makes a request: the holder of its token if that resolves, else of the connection's key, now (spec call §10)."""

logger = logging.getLogger(__name__)


class Dispatcher:
    """Runs requests against one registry."""

    def __init__(
        self,
        registry: OperationRegistry,
        identify: Identify,
        limits: CallLimits | Live[CallLimits],
        capabilities: Capabilities | Live[Capabilities] = NO_CAPABILITIES,
    ) -> None:
        self._registry = registry
        self._identify = identify
        self._limits = live(limits)
        self._capabilities = live(capabilities)

    async def run(self, request_id: str, request: Request, auth: AuthContext) -> Any:
        """The operation's output. Raises CallError, and nothing else but a cancellation.

        The input is read only once the caller is known to be allowed: until then it costs us nothing but its bytes.
        """
        identity = self._identify(auth, request.auth_token)
        operation = self._permitted(request.operation, identity)
        deadline = asyncio.get_running_loop().time() + self._limits.value.request_timeout
        given = self._capabilities.value
        context = OperationContext(request_id, identity, auth, request.forwarded_for, deadline, given)
        return await self._invoke(operation, read_input(request.input, operation.max_input), context)

    def _permitted(self, name: str, identity: Identity | None) -> Operation:
        """The operation if this caller may run it. What must stay hidden is answered like what does not exist."""
        operation = self._registry.external(name)
        if operation is None:
            raise not_found(name)
        decision = check_access(operation.access, identity)
        if not decision.allowed:
            raise CallError(ErrorCode.FORBIDDEN, decision.message)
        if operation.op_type is OperationType.SUBSCRIPTION:
            raise CallError(ErrorCode.INVALID_OPERATION_TYPE, f"{name} is a subscription")
        return operation

    async def _invoke(self, operation: Operation, value: Any, context: OperationContext) -> Any:
        try:
            async with asyncio.timeout_at(context.deadline) as timer:
                return await operation.handler(value, context)
        except CallError:
            raise
        except Exception as error:
            if isinstance(error, TimeoutError) and timer.expired():
                raise timed_out() from None
            logger.exception("operation failed", extra={"operation": operation.name})
            raise internal("internal error") from error
