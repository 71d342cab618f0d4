"""A node for clients of calls: a real QUIC listener, the call handler, and operations that stream."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from node.core.address import format_host_port
from node.core.connection import Connection
from node.core.errors import ConnectionClosed
from node.core.identity import AuthContext, Identity
from node.core.index import IndexProvider
from node.handlers.call.discovery import register_discovery
from node.handlers.call.errors import CallError
from node.handlers.call.handler import ALPN, CallHandler
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry, OperationType
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey


class CallNode:
    """Its operations, and what their handlers saw. `running` counts those that have not been closed yet."""

    def __init__(self) -> None:
        self.claims: list[Identity | None] = []
        self.running = 0
        self.yielded = 0
        self.address = self.pin = ""
        self.port = 0
        self.registry = OperationRegistry()
        register_discovery(self.registry)
        stream = OperationType.SUBSCRIPTION
        for operation in (
            Operation("echo/run", self.echo),
            Operation("wait/run", self.wait),
            Operation("count/up", self.count, stream),
            Operation("count/on", self.count_on, stream),
            Operation("count/fail", self.fail, stream),
        ):
            self.registry.register(operation)

    async def echo(self, value: Any, context: OperationContext) -> Any:
        self.claims.append(context.forwarded_for)
        return value

    async def wait(self, _: Any, __: OperationContext) -> None:
        self.running += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.running -= 1

    async def count(self, value: Any, context: OperationContext) -> AsyncIterator[Any]:
        self.claims.append(context.forwarded_for)
        for number in range(value):
            yield {"n": number}

    async def count_on(self, value: Any, _: OperationContext) -> AsyncIterator[Any]:
        """Items of `value` characters, without end."""
        self.running += 1
        try:
            while True:
                self.yielded += 1
                yield "x" * (value if isinstance(value, int) else 1)
                await asyncio.sleep(0.001)
        finally:
            self.running -= 1

    async def fail(self, _: Any, __: OperationContext) -> AsyncIterator[Any]:
        yield 1
        raise CallError("INTERNAL", "boom")


@contextlib.asynccontextmanager
async def call_node(key: NodeKey | None = None, port: int = 0) -> AsyncIterator[CallNode]:
    """One that listens on loopback for the time of the block; with a key and a port of its own if none are given."""
    node, serving = CallNode(), set()
    key = key or NodeKey.generate()
    handler = CallHandler(node.registry, IndexProvider(), CallLimits())

    async def serve(connection: Connection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await handler.handle(connection, AuthContext.anonymous(ALPN))

    listener = await QuicListener.bind("127.0.0.1", port, key=key, alpns=[ALPN])
    listener.start(lambda connection, *_, **__: serving.add(asyncio.create_task(serve(connection))))
    node.port = listener.address[1]
    node.address, node.pin = format_host_port(listener.address), key.fingerprint
    try:
        yield node
    finally:
        await listener.close()
        await asyncio.gather(*serving)
