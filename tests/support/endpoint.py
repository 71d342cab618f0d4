"""An endpoint under test, over connections in memory."""

import asyncio

from node.core.connection import Connection
from node.core.identity import AuthContext
from node.core.index import IndexProvider, build_index
from node.core.listener import Accept
from node.core.peers import PeerEntry
from node.endpoint.endpoint import Endpoint
from node.endpoint.limits import EndpointLimits
from node.endpoint.registry import HandlerRegistry
from tests.support.streams import connection_pair

ALPN = b"test/echo"
KEY, OTHER = ("ed25519:" + digit * 64 for digit in "ab")
ADDRESS = ("192.0.2.1", 4433)


class Handler:
    """Keeps each connection until it closes, or until `release`; raises what it is told to."""

    def __init__(self, alpn: bytes = ALPN) -> None:
        self.alpn = alpn
        self.seen: list[AuthContext] = []
        self.release = asyncio.Event()
        self.error: Exception | None = None
        self.cancelled = 0

    async def handle(self, connection: Connection, auth: AuthContext) -> None:
        self.seen.append(auth)
        if self.error is not None:
            raise self.error
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


class Listener:
    """Records what the endpoint asks of a transport."""

    address = ADDRESS

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.accept: Accept | None = None

    def start(self, accept: Accept) -> None:
        self.accept = accept

    def stop_accepting(self) -> None:
        self.calls.append("stop")

    async def close(self) -> None:
        self.calls.append("close")


class Bench:
    """An endpoint with one handler, its peers and its transport; whoever makes it runs it."""

    def __init__(self, drain_timeout: float) -> None:
        self.handler, self.provider, self.listener = Handler(), IndexProvider(), Listener()
        limits = EndpointLimits(drain_timeout=drain_timeout)
        registry = HandlerRegistry([self.handler])
        self.endpoint = Endpoint(registry, self.provider, limits, [self.listener])
        self.provider.subscribe(self.endpoint.enforce)

    def connect(self, fingerprint: str | None = None, *, alpn: bytes = ALPN, also: str | None = None) -> Connection:
        """Dispatch a new connection and give the client's end of it."""
        client, server = connection_pair(alpn)
        self.endpoint.dispatch(server, alpn, fingerprint, ADDRESS, alternative=also)
        return client

    def publish(self, *peers: PeerEntry) -> None:
        changed = {*self.provider.index.peers, *(peer.peer_id for peer in peers)}
        self.provider.publish(build_index(peers, (), 9), frozenset(changed), 1.0)


async def settled(bench: Bench, served: int) -> None:
    """Once so many connections are served."""
    async with asyncio.timeout(60):
        while len(bench.endpoint.connections) != served:
            await asyncio.sleep(0)


async def ended(client: Connection) -> tuple[int, str]:
    """Code and reason, once this end is told of them."""
    end = await asyncio.wait_for(client.wait_closed(), 60)
    return end.code, end.reason


def failing(code: int, reason: str) -> None:
    """What closes a connection, and cannot."""
    raise OSError("socket is gone")
