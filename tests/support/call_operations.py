"""Operations that end in every way that there is, and late ones, for two ends that ask each other for them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

from node.handlers.call.authority import Provenance, ScopedEnvironment
from node.handlers.call.connection import CallConnection
from node.handlers.call.discovery import register_discovery
from node.handlers.call.errors import CallError
from node.handlers.call.forwarding import forward_once
from node.handlers.call.limits import MAX_FRAME, CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry, OperationType, Visibility

LIMITS = CallLimits(max_in_flight=4, max_subscriptions=3, max_unread_items=4)
SUBSCRIPTIONS = ("count", "endless", "quiet", "broken", "stubborn", "bulk")
QUERIES = ("echo", "wait", "fail", "back", "through", "deaf", "big")
BIG = 150_000
"""Characters: more than a stream takes at once."""


class Operations:
    """A registry of them all. `running` counts the handlers that have not ended; many of them wait for `gate`."""

    def __init__(self) -> None:
        self.running, self.gate, self.registry = 0, asyncio.Event(), OperationRegistry()
        register_discovery(self.registry)
        reach = ScopedEnvironment(frozenset({"far/wait", "op/back"}))
        for name in (*SUBSCRIPTIONS, *QUERIES):
            kind = OperationType.SUBSCRIPTION if name in SUBSCRIPTIONS else OperationType.QUERY
            self.registry.register(Operation(f"op/{name}", getattr(self, name), kind, scoped_env=reach))

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1

    async def echo(self, value: Any, _: OperationContext) -> Any:
        return value

    async def wait(self, value: Any, _: OperationContext) -> Any:
        with self._counted():
            await self.gate.wait()
        return value

    async def fail(self, _: Any, __: OperationContext) -> Any:
        raise CallError("INTERNAL", "no")

    async def back(self, value: Any, context: OperationContext) -> Any:
        """Asks the caller, by an operation that was imported from it."""
        with self._counted():
            return await context.env.invoke("far", "wait", value, context)

    async def through(self, value: Any, context: OperationContext) -> Any:
        """Composes what asks the caller."""
        with self._counted():
            return await context.env.invoke("op", "back", value, context)

    async def deaf(self, value: Any, _: OperationContext) -> Any:
        """Does not take a cancellation for an answer."""
        with self._counted(), contextlib.suppress(asyncio.CancelledError):
            await self.gate.wait()
        return value

    async def big(self, _: Any, __: OperationContext) -> str:
        return "x" * BIG

    async def count(self, _: Any, __: OperationContext) -> AsyncIterator[int]:
        with self._counted():
            for number in range(6):
                yield number
                await asyncio.sleep(0)

    async def endless(self, _: Any, __: OperationContext) -> AsyncIterator[int]:
        with self._counted():
            while True:
                yield 0
                await asyncio.sleep(0)

    async def quiet(self, _: Any, __: OperationContext) -> AsyncIterator[int]:
        with self._counted():
            yield 0
            await self.gate.wait()

    async def broken(self, _: Any, __: OperationContext) -> AsyncIterator[int]:
        with self._counted():
            yield 0
            raise CallError("INTERNAL", "boom")

    async def stubborn(self, _: Any, __: OperationContext) -> AsyncIterator[int]:
        """Yields on after a cancellation."""
        with self._counted():
            while not self.gate.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await self.gate.wait()
                yield 0

    async def bulk(self, _: Any, __: OperationContext) -> AsyncIterator[str]:
        with self._counted():
            for _ in range(3):
                yield "x" * BIG


def forwarded(calls: CallConnection) -> Operation:
    """The peer's `op/wait` as an import makes it, without asking what it offers."""
    forward = forward_once(calls, "op/wait", lambda context: context.identity, MAX_FRAME)
    return Operation("far/wait", forward, visibility=Visibility.INTERNAL, provenance=Provenance.FROM_CALL)
