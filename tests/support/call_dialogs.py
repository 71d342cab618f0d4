"""The node of the dialogs of spec call §15, and the ways in which a raw peer comes to it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from node.control.stream import UnixStream
from node.core.access import AccessControl
from node.core.connection import Connection
from node.core.errors import ConnectionClosed
from node.core.identity import AuthContext
from node.core.index import IndexProvider, build_index
from node.core.ownership import OwnershipStore
from node.core.peers import PeerEntry
from node.core.repository import resolve_client
from node.core.tokens import hash_token
from node.handlers.call.connection import CallConnection
from node.handlers.call.discovery import register_discovery
from node.handlers.call.errors import CallError, DeclaredError
from node.handlers.call.handler import ALPN, CallHandler
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry, OperationType, Visibility
from tests.support.quic import serving
from tests.support.raw_call import RawCaller, RawPeer
from tests.support.streams import connection_pair

FINGERPRINT = "ed25519:" + "0a" * 32
"""The key of the peer `root`, of scope admin. Tokens are the ids of those who have one."""

STREAM = OperationType.SUBSCRIPTION
ADMIN = AccessControl(required_scopes=("admin",))
PEERS = [
    PeerEntry("root", (FINGERPRINT,), scopes=("admin",)),
    *(PeerEntry(name, auth_token_hash=hash_token(name), scopes=(name,)) for name in ("user", "admin", "alk_test")),
]


class DialogNode:
    """A call handler, its operations, and what became of them. `fingerprint` is that of the next peer's key."""

    def __init__(self, limits: CallLimits | None = None, fingerprint: str | None = None) -> None:
        self.limits, self.fingerprint, self.release = limits or CallLimits(), fingerprint, asyncio.Event()
        self.contexts: list[OperationContext] = []
        self.yielded = self.closed = self.cancelled = 0
        self.provider, self.registry = IndexProvider(), OperationRegistry(OwnershipStore())
        self.provider.publish(build_index(PEERS))
        register_discovery(self.registry)
        no_file = DeclaredError("FILE_NOT_FOUND", "file not found", {"type": "object"}, 404)
        for operation in (
            Operation("echo/run", self.echo),
            Operation("admin/run", self.echo, access=ADMIN),
            Operation("secret/op", self.echo, visibility=Visibility.INTERNAL),
            Operation("docker/start", self.echo),
            Operation("fs/readFile", self.read_file, output_schema={"type": "string"}, error_schemas=(no_file,)),
            Operation("slow/run", self.slow, OperationType.MUTATION),
            Operation("back/run", self.back),
            Operation("broken/run", self.fails),
            Operation("cancelled/run", self.gives_itself_up),
            Operation("events/stream", self.count, STREAM),
            Operation("events/none", self.none, STREAM),
            Operation("events/broken", self.broken, STREAM),
            Operation("events/fault", self.fault, STREAM),
            Operation("events/odd", self.odd, STREAM),
            Operation("events/quiet", self.quiet, STREAM),
            Operation("events/endless", self.endless, STREAM),
            Operation("events/admin", self.count, STREAM, access=ADMIN),
        ):
            self.registry.register(operation)
        self.handler = CallHandler(self.registry, self.provider, self.limits)

    async def serve(self, connection: Connection) -> None:
        auth = AuthContext(None, ALPN, tls_client_fingerprint=self.fingerprint)
        auth = replace(auth, identity=resolve_client(self.provider, auth))
        self.calls: CallConnection = self.handler.calls(connection, auth)
        with contextlib.suppress(ConnectionClosed):
            await self.calls.run()

    async def echo(self, value: Any, context: OperationContext) -> Any:
        self.contexts.append(context)
        return value

    async def read_file(self, value: Any, _: OperationContext) -> Any:
        """There are none."""
        raise CallError("FILE_NOT_FOUND", f"file not found: {value['path']}", details={"path": value["path"]})

    async def slow(self, value: Any, _: OperationContext) -> Any:
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return value

    async def back(self, value: Any, _: OperationContext) -> Any:
        return {"told": await self.calls.call("ask/me", value)}

    async def fails(self, _: Any, __: OperationContext) -> Any:
        raise ZeroDivisionError("the secret is 42")

    async def gives_itself_up(self, _: Any, __: OperationContext) -> Any:
        raise asyncio.CancelledError

    async def count(self, value: Any, context: OperationContext) -> AsyncIterator[Any]:
        self.contexts.append(context)
        for number in range(1, 4):
            yield {"n": number}

    async def none(self, _: Any, __: OperationContext) -> AsyncIterator[Any]:
        for nothing in ():
            yield nothing

    async def broken(self, _: Any, __: OperationContext) -> AsyncIterator[Any]:
        yield 1
        raise CallError("INTERNAL", "boom")

    async def fault(self, _: Any, __: OperationContext) -> AsyncIterator[Any]:
        yield 1
        raise ZeroDivisionError("the secret is 42")

    async def odd(self, _: Any, __: OperationContext) -> AsyncIterator[Any]:
        yield object()

    async def quiet(self, _: Any, __: OperationContext) -> AsyncIterator[Any]:
        try:
            yield "first"
            await asyncio.Event().wait()
        finally:
            self.closed += 1

    async def endless(self, value: Any, _: OperationContext) -> AsyncIterator[Any]:
        try:
            while True:
                self.yielded += 1
                yield "x" * value
                await asyncio.sleep(0)
        finally:
            self.closed += 1

    @property
    def idle(self) -> bool:
        return len(self.calls._inbound) == 0 and self.calls._allowance.held == 0

    def expect_nothing_left(self) -> None:
        assert (len(self.calls._tasks), self.idle, self.calls._pending) == (0, True, {})


@contextlib.asynccontextmanager
async def over_quic(node: DialogNode) -> AsyncIterator[RawPeer]:
    async with serving() as server:
        client, accepted = await server.pair()
        running = asyncio.create_task(node.serve(accepted))
        async with RawPeer(client) as peer:
            yield peer
            client.close()
            await running


@contextlib.asynccontextmanager
async def over_unix(node: DialogNode) -> AsyncIterator[RawPeer]:
    ours, theirs = [UnixStream(*await asyncio.open_unix_connection(sock=sock)) for sock in socket.socketpair()]
    connection = Connection.from_bidi(ours, ALPN)
    running = asyncio.create_task(node.serve(connection))
    async with RawPeer(Connection.from_bidi(theirs, ALPN), theirs) as peer:
        yield peer
        connection.close()
        await running
    theirs.reset()


CARRIERS = {"quic": over_quic, "unix": over_unix}
Carrier = Callable[[DialogNode], contextlib.AbstractAsyncContextManager[RawPeer]]


@contextlib.asynccontextmanager
async def in_memory(node: DialogNode, fingerprint: str | None = None) -> AsyncIterator[RawCaller]:
    theirs, ours = connection_pair(ALPN)
    node.fingerprint = fingerprint
    running = asyncio.create_task(node.serve(ours))
    try:
        yield RawCaller(theirs)
    finally:
        theirs.close()
        await asyncio.wait_for(running, 30)
    node.expect_nothing_left()


async def nothing_more(peer: RawPeer, *request_ids: str) -> None:
    """Whatever was sent before an answer that comes after it would be here."""
    await peer.request("afterwards", "echo/run", 0)
    assert await peer.next("afterwards") == ("call.responded", {"output": 0})
    assert [peer.unread(request_id) for request_id in request_ids] == [0] * len(request_ids)
