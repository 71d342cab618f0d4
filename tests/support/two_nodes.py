"""Two nodes with their endpoints over real QUIC, each of which has dialled the other, in one loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from node.client.dial import dial
from node.core.address import format_host_port
from node.core.connection import Connection
from node.core.errors import ConnectionClosed
from node.core.identity import AuthContext
from node.core.index import IndexProvider, build_index
from node.core.peers import PeerEntry
from node.endpoint.endpoint import Endpoint
from node.endpoint.limits import EndpointLimits
from node.endpoint.registry import HandlerRegistry
from node.handlers.call.handler import ALPN, CallHandler
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey
from tests.support.call_log import CallLog, TappedSource
from tests.support.call_operations import LIMITS, SUBSCRIPTIONS, Operations
from tests.support.call_world import End, World


class TappedHandler:
    """The handler of calls, with a log of each connection that it is given."""

    alpn = ALPN

    def __init__(self, offers: Operations, provider: IndexProvider) -> None:
        self.offers, self.inner = offers, CallHandler(offers.registry, provider, LIMITS)
        self.logs: asyncio.Queue[CallLog] = asyncio.Queue()
        self.accepted: asyncio.Queue[End] = asyncio.Queue()

    async def handle(self, connection: Connection, auth: AuthContext) -> None:
        """Of the connection that the other node has dialled, whose log is in `logs`."""
        end = self.end(connection, auth, await self.logs.get(), side=1)
        self.accepted.put_nowait(end)
        await end.calls.run()

    def end(self, connection: Connection, auth: AuthContext, log: CallLog, side: int) -> End:
        calls = self.inner.calls(Connection(TappedSource(connection._source, log, side), ALPN), auth)
        return End(self.offers, calls, log)


class Node(Operations):
    """A key, a listener, an endpoint, a handler, and the connections that were dialled from here."""

    def __init__(self) -> None:
        super().__init__()
        self.key, self.provider = NodeKey.generate(), IndexProvider()
        self.handler = TappedHandler(self, self.provider)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["Node"]:
        self.listener = await QuicListener.bind("127.0.0.1", 0, key=self.key, alpns=[ALPN])
        limits = EndpointLimits(drain_timeout=1)
        self.endpoint = Endpoint(HandlerRegistry([self.handler]), self.provider, limits, [self.listener])
        running = asyncio.create_task(self.endpoint.run())
        try:
            yield self
        finally:
            await self.endpoint.shutdown()
            await running

    async def dialled(self, other: "Node", log: CallLog, key: NodeKey | None) -> tuple[End, End]:
        """Both ends of a fresh connection to the other node."""
        address, pin = format_host_port(other.listener.address), other.key.fingerprint
        other.handler.logs.put_nowait(log)
        connection = await dial(address, ALPN, key=key, pin=pin)
        identity = self.provider.resolve_from_fingerprint(pin)
        return (
            self.handler.end(connection, AuthContext(identity, ALPN, tls_client_fingerprint=pin), log, side=0),
            await other.handler.accepted.get(),
        )

    @property
    def left(self) -> dict[str, int]:
        """What the node holds for its connections that must be nothing once they are over."""
        allowances = self.handler.inner._allowances
        counts = {
            "handlers": self.running,
            "composed": len(self.handler.inner._roots.composed.tasks),
            "peers' bytes": allowances._peers.received.used + allowances._peers.unsent.used,
            "strangers' bytes": allowances._strangers.received.used + allowances._strangers.unsent.used,
            "connections": len(self.endpoint.connections),
            "tasks": len(self.endpoint._tasks),
        }
        return {name: count for name, count in counts.items() if count}


class NetworkWorld(World):
    """Two connections between two nodes, one dialled by each: the first as a peer, the second as a stranger."""

    @property
    def left(self) -> dict[str, int]:
        streams = sum(_streams_left([end for end in self.ends if end.log is log]) for log in self.logs)
        composed = sum(len(node.handler.inner._roots.composed.tasks) for node in {end.offers for end in self.ends})
        left = super().left | {"streams": streams, "composed": composed}
        return {name: count for name, count in left.items() if count}


def _streams_left(ends: list[End]) -> int:
    """Streams of one connection beyond those by which each side sends its aborts, which it keeps."""
    sources: list[Any] = [end.source for end in ends]
    kept = sum(end.calls._aborts._lane is not None for end in ends)
    return sum(max(0, len(source.inner._streams) - kept) for source in sources)


class TwoNodes:
    def __init__(self, nodes: tuple[Node, Node]) -> None:
        self.nodes = nodes
        one, other = nodes
        one.provider.publish(build_index([PeerEntry("other", (other.key.fingerprint,))]))
        other.provider.publish(build_index([PeerEntry("one", (one.key.fingerprint,))]))

    @contextlib.asynccontextmanager
    async def world(self) -> AsyncIterator[NetworkWorld]:
        """Fresh connections for the time of the block. The nodes stay."""
        made, (one, other) = NetworkWorld(), self.nodes
        for node in self.nodes:
            node.gate = asyncio.Event()
        dialled = [
            await one.dialled(other, CallLog(SUBSCRIPTIONS), one.key),
            await other.dialled(one, CallLog(SUBSCRIPTIONS), None),
        ]
        made.ends = [end for pair in dialled for end in pair]
        running = [asyncio.create_task(ours.calls.run()) for ours, _ in dialled]
        try:
            yield made
        finally:
            for ours, _ in dialled:
                ours.calls._connection.close()
            for ending in running:
                with contextlib.suppress(ConnectionClosed):
                    await asyncio.wait_for(ending, 60)

    @property
    def left(self) -> list[dict[str, int]]:
        return [left for node in self.nodes if (left := node.left)]


@contextlib.asynccontextmanager
async def two_nodes() -> AsyncIterator[TwoNodes]:
    async with Node().serving() as one, Node().serving() as other:
        yield TwoNodes((one, other))
