"""A client, a hub and a worker in one process, over real QUIC: the hub has dialled the worker and imported from it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from node.client.call import CallClient
from node.client.dial import dial
from node.core.access import AccessControl
from node.core.address import format_host_port
from node.core.connection import Connection
from node.core.errors import ConnectionClosed
from node.core.identity import AuthContext
from node.core.index import IndexProvider, build_index
from node.core.peers import PeerEntry
from node.handlers.call.authority import CompositionAuthority, ScopedEnvironment
from node.handlers.call.call_tree import AbortPolicy
from node.handlers.call.connection import CallConnection
from node.handlers.call.discovery import register_discovery
from node.handlers.call.handler import ALPN, CallHandler
from node.handlers.call.hub import import_peer
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry, OperationType
from node.handlers.call.peer_discovery import register_peer_discovery
from node.handlers.call.peers import ANY_PEER, SpecificPeer
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey

WORKER = "worker-a"


class End:
    """A node: a listener, its operations, and the peers that it knows by their keys."""

    def __init__(self, limits: CallLimits) -> None:
        self.key, self.provider, self.registry = NodeKey.generate(), IndexProvider(), OperationRegistry()
        self.port = 0
        register_discovery(self.registry)
        self.handler = CallHandler(self.registry, self.provider, limits)
        self.live: list[CallConnection] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.address = ""

    def knows(self, *peers: PeerEntry) -> None:
        self.provider.publish(build_index(peers))

    def auth(self, fingerprint: str | None) -> AuthContext:
        identity = None if fingerprint is None else self.provider.resolve_from_fingerprint(fingerprint)
        return AuthContext(identity, ALPN, tls_client_fingerprint=fingerprint)

    def serve(self, connection: Connection, fingerprint: str | None) -> CallConnection:
        calls = self.handler.calls(connection, self.auth(fingerprint))
        self.live.append(calls)
        self.tasks.add(asyncio.create_task(self._run(calls)))
        return calls

    async def _run(self, calls: CallConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await calls.run()

    @property
    def idle(self) -> bool:
        """Nothing is in flight, in neither direction, and nothing runs that was composed."""
        tables = all(len(calls._inbound) == 0 and not calls._pending for calls in self.live)
        return tables and len(self.handler._roots.composed.tasks) == 0

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        listener = await QuicListener.bind("127.0.0.1", self.port, key=self.key, alpns=[ALPN])
        listener.start(lambda connection, _, fingerprint, *__, **___: self.serve(connection, fingerprint))
        self.address, self.port = format_host_port(listener.address), listener.address[1]
        try:
            yield
        finally:
            await listener.close()
            for calls in self.live:
                calls._connection.close()
            await asyncio.gather(*self.tasks)


@dataclass
class Worker(End):
    """Its operations tell who called them, or wait for `release`."""

    limits: CallLimits
    contexts: list[OperationContext] = field(default_factory=list)
    begun: int = 0
    cancelled: int = 0
    finished: int = 0

    def __post_init__(self) -> None:
        super().__init__(self.limits)
        self.release = asyncio.Event()
        admin = AccessControl(required_scopes=("admin",))
        for operation in (
            Operation("work/echo", self.echo),
            Operation("work/wait", self.wait),
            Operation("work/hidden", self.echo, access=admin),
        ):
            self.registry.register(operation)

    async def echo(self, value: Any, context: OperationContext) -> Any:
        self.contexts.append(context)
        return value

    async def wait(self, value: Any, _: OperationContext) -> Any:
        self.begun += 1
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.finished += 1
        return value


@dataclass
class Hub(End):
    """`front/run` has the worker do what its input names; `front/leave` lets it go on when nobody waits any more."""

    limits: CallLimits
    to_worker: CallConnection | None = None

    def __post_init__(self) -> None:
        super().__init__(self.limits)
        register_peer_discovery(self.registry)
        reach = ScopedEnvironment(frozenset({"work/echo", "work/wait", "work/hidden"}))
        authority = CompositionAuthority("front", ("admin",))
        for name, policy in (("run", None), ("leave", AbortPolicy.CONTINUE_RUNNING)):
            self.registry.register(
                Operation(f"front/{name}", self.front(policy), authority=authority, scoped_env=reach)
            )
        each = Operation("front/each", self.each, OperationType.SUBSCRIPTION, authority=authority, scoped_env=reach)
        self.registry.register(each)
        self.registry.register(Operation("mine/run", self.mine, access=AccessControl(required_scopes=("worker",))))

    def front(self, policy: AbortPolicy | None) -> Any:
        async def run(value: Any, context: OperationContext) -> Any:
            peer = SpecificPeer(value["peer"]) if "peer" in value else ANY_PEER
            return await context.env.invoke_peer(peer, "work", value["op"], value.get("x"), context, policy)

        return run

    async def each(self, value: Any, context: OperationContext) -> AsyncIterator[Any]:
        """What the worker gives for one operation after the other."""
        for operation in value:
            yield await context.env.invoke("work", operation, operation, context)

    async def mine(self, value: Any, context: OperationContext) -> Any:
        return [value, context.identity.id if context.identity else None]

    async def connect(self, worker: Worker) -> None:
        """Dial it, and import what it offers."""
        pin = worker.key.fingerprint
        connection = await dial(worker.address, ALPN, key=self.key, pin=pin)
        self.to_worker = self.serve(connection, pin)
        await import_peer(self.to_worker, self.handler.peers)


@dataclass
class ThreeEnds:
    hub: Hub
    worker: Worker
    client: CallClient

    @property
    def idle(self) -> bool:
        return self.hub.idle and self.worker.idle


@contextlib.asynccontextmanager
async def running_hub(
    worker: Worker, limits: CallLimits | None = None, former: Hub | None = None
) -> AsyncIterator[Hub]:
    """One that listens once it has imported from the worker; with the key and the port of a `former` that has ended."""
    hub = Hub(limits or CallLimits())
    if former is not None:
        hub.key, hub.port = former.key, former.port
    worker.knows(PeerEntry("hub", (hub.key.fingerprint,)))
    hub.knows(PeerEntry(WORKER, (worker.key.fingerprint,), scopes=("worker",)))
    await hub.connect(worker)
    async with hub.listening():
        yield hub


@contextlib.asynccontextmanager
async def three_ends(limits: CallLimits | None = None) -> AsyncIterator[ThreeEnds]:
    """All of them connected; `limits` are the hub's."""
    worker = Worker(CallLimits())
    async with (
        asyncio.timeout(60),
        worker.listening(),
        running_hub(worker, limits) as hub,
        CallClient.connect(hub.address, key=None, pin=hub.key.fingerprint) as client,
    ):
        yield ThreeEnds(hub, worker, client)
