"""A call handler over a real QUIC connection, with its own client and a raw one on the same connection."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from node.core.connection import Connection
from node.core.identity import AuthContext, Identity
from node.core.index import IndexProvider
from node.handlers.call.allowance import Allowances
from node.handlers.call.connection import CallConnection
from node.handlers.call.counts import CallCounts
from node.handlers.call.discovery import register_discovery
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.errors import DeclaredError
from node.handlers.call.handler import CallHandler
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry, OperationType
from node.quic.limits import QuicLimits
from tests.support.quic import ALPN, serving, soon
from tests.support.raw_call import RawCaller

MIB = 1024 * 1024
ANN = Identity("ann")
FULL = DeclaredError("FULL", "as many details as were asked for")


class Served:
    """A call handler with an echo, and one connection to it. `size/run` waits for `release`; `back/run` calls back."""

    def __init__(self, limits: CallLimits) -> None:
        registry = OperationRegistry()
        register_discovery(registry)
        registry.register(Operation("echo/run", self.echo))
        registry.register(Operation("size/run", self.size))
        registry.register(Operation("fill/run", self.fill))
        registry.register(Operation("fill/fail", self.fill_error, error_schemas=(FULL,)))
        registry.register(Operation("fill/on", self.fill_on, OperationType.SUBSCRIPTION))
        registry.register(Operation("back/run", self.back))
        self.handler = CallHandler(registry, IndexProvider(), limits)
        self.calls: set[CallConnection] = set()
        self.begun = 0
        self.release = asyncio.Event()
        self.release.set()

    async def answer(self, connection: Connection, identity: Identity | None) -> None:
        calls = self.handler.calls(connection, AuthContext(identity, ALPN))
        self.calls.add(calls)
        try:
            await calls.run()
        finally:
            self.calls.discard(calls)

    async def echo(self, value: Any, _: OperationContext) -> Any:
        return value

    async def size(self, value: Any, _: OperationContext) -> int:
        await self.release.wait()
        return len(value)

    async def fill(self, value: Any, _: OperationContext) -> str:
        """Of so many characters, once it may."""
        self.begun += 1
        await self.release.wait()
        return "x" * value

    async def fill_error(self, value: Any, context: OperationContext) -> None:
        """The same, as the details of an error."""
        raise FULL.error("full", await self.fill(value, context))

    async def fill_on(self, value: Any, _: OperationContext) -> AsyncIterator[str]:
        """Items of one character as long as the input lasts, which is counted by nobody."""
        self.begun += 1
        for item in value if isinstance(value, list) else (value,):
            yield item
        await self.release.wait()

    async def back(self, value: Any, _: OperationContext) -> int:
        """The size of what the caller's own echo gives back."""
        calls = next(iter(self.calls))
        return len(await calls.call("echo/run", value, timeout=60))

    @property
    def counts(self) -> CallCounts:
        return self.handler._allowances.counts

    @property
    def held(self) -> int:
        allowances = self.handler._allowances
        return sum(
            pot.used for pots in (allowances._peers, allowances._strangers) for pot in (pots.received, pots.unsent)
        )


@contextlib.asynccontextmanager
async def joined(
    served: Served, identity: Identity | None, **quic: Any
) -> AsyncIterator[tuple[CallConnection, RawCaller]]:
    """Our client and a raw one on the same fresh connection; `quic` are limits of the transport."""
    limits, registry = CallLimits(), OperationRegistry()
    registry.register(Operation("echo/run", served.echo))
    async with serving(**quic) as server:
        client, accepted = await server.pair(**({"limits": QuicLimits(**quic)} if quic else {}))
        answering = asyncio.create_task(served.answer(accepted, identity))
        dispatcher = Dispatcher(registry, lambda *_: None, limits)
        calls = CallConnection(client, AuthContext.anonymous(ALPN), dispatcher, limits, Allowances(limits).of_peer())
        running = asyncio.create_task(calls.run())
        await asyncio.sleep(0)
        try:
            yield calls, RawCaller(client)
        finally:
            client.close()
            await soon(asyncio.gather(answering, running))


@contextlib.asynccontextmanager
async def connected(
    served: Served, identity: Identity | None = ANN, **quic: Any
) -> AsyncIterator[tuple[CallConnection, RawCaller]]:
    """The same, as the last connection: nothing of any is held after it."""
    async with joined(served, identity, **quic) as ends:
        yield ends
    assert served.held == 0
