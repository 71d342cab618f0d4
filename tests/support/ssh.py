"""SSH over real QUIC in one process: an endpoint that serves SshHandler, and asyncssh's own client on a stream."""

import asyncio
import contextlib
import os
import pwd
from collections.abc import AsyncIterator
from typing import Any, Protocol

import asyncssh
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.ssh_tunnel import Tunnel
from node.core.connection import Connection
from node.core.errors import StreamError
from node.core.peers import PeerEntry
from node.endpoint.endpoint import Endpoint
from node.endpoint.limits import EndpointLimits
from node.endpoint.registry import HandlerRegistry
from node.handlers.ssh.forwarding.shared import Forwarding
from node.handlers.ssh.handler import ALPN, SshHandler
from node.handlers.ssh.keys import fingerprint_of_key
from node.handlers.ssh.limits import SshSettings
from node.handlers.ssh.subsystem import Subsystem
from node.quic.client.dial import dial_quic
from node.quic.limits import QuicLimits
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey
from node.store.memory import MemoryIdentityStore
from node.tcp.listener import TcpListener
from tests.support.journals import ListJournal

ME = pwd.getpwuid(os.geteuid()).pw_name
PROGRAMS = ("/bin/echo", "/bin/cat", "/bin/sh", "/usr/bin/env", "/bin/sleep", "/usr/bin/id", "/bin/true")
EVERYTHING = ("ssh:exec:*",)


def named(key: asyncssh.SSHKey) -> str:
    """What the table of peers calls a key."""
    name = fingerprint_of_key(key)
    assert name
    return name


class SshNode:
    """A node that serves SSH, with one peer `ann` that may run everything."""

    def __init__(
        self, settings: SshSettings, subsystems: dict[str, Subsystem], forwarding: Forwarding | None = None
    ) -> None:
        self.node_key = NodeKey.generate()
        self.host_key = Ed25519PrivateKey.generate()
        self.ann = asyncssh.generate_private_key("ssh-ed25519")
        self.store = MemoryIdentityStore()
        self.journal = ListJournal()
        self.handler = SshHandler(self.store, settings, lambda: self.host_key, subsystems, self.journal, forwarding)
        self.store.subscribe(self.handler.enforce)
        self.store.subscribe_locks(self.handler.enforce_locks)
        self.clients: list[Connection] = []

    async def know(self, *scopes: str, name: str = "ann", key: asyncssh.SSHKey | None = None) -> None:
        """Have the peer with these scopes, and no others."""
        await self.store.put_peer(PeerEntry(name, (named(key or self.ann),), scopes=scopes))

    async def start(self) -> None:
        self.listener = await QuicListener.bind("127.0.0.1", 0, key=self.node_key, alpns=[ALPN], limits=QuicLimits())
        self.tcp = await TcpListener.bind("127.0.0.1", 0, ALPN, most=50, most_of_address=40)
        registry, listeners = HandlerRegistry([self.handler]), [self.listener, self.tcp]
        self.endpoint = Endpoint(registry, self.store, EndpointLimits(drain_timeout=0.2), listeners, self.journal)
        self.store.subscribe(self.endpoint.enforce)
        self._serving = asyncio.create_task(self.endpoint.run())

    async def stop(self) -> None:
        for client in self.clients:
            client.close()
        await self.endpoint.shutdown()
        await self._serving

    async def dial(self, key: NodeKey | None = None) -> Connection:
        host, port = self.listener.address
        pin = self.node_key.fingerprint
        self.clients.append(await dial_quic(host=host, port=port, alpn=ALPN, key=key, pin=pin, timeout=60))
        return self.clients[-1]

    @contextlib.asynccontextmanager
    async def client(self, key: asyncssh.SSHKey | None = None, **options: Any) -> AsyncIterator[Any]:
        """asyncssh's client, signed in as ann or by another key."""
        keys = {"client_keys": [key or self.ann], "known_hosts": None, "config": None, "agent_path": None}
        way = {"host": "node", "port": 22, "tunnel": Tunnel(await self.dial())}
        async with asyncssh.connect(**{**way, "username": "any", **keys, **options}) as signed_in:
            yield signed_in

    @contextlib.asynccontextmanager
    async def client_over_tcp(self, **options: Any) -> AsyncIterator[Any]:
        """The same through the node's TCP port."""
        host, port = self.tcp.address
        keys = {"client_keys": [self.ann], "known_hosts": None, "config": None, "agent_path": None}
        async with asyncssh.connect(host, port, username="any", **{**keys, **options}) as signed_in:
            yield signed_in


@contextlib.asynccontextmanager
async def ssh_node(
    subsystems: dict[str, Subsystem] | None = None,
    scopes: tuple[str, ...] = EVERYTHING,
    forwarding: Forwarding | None = None,
    **settings: Any,
) -> AsyncIterator[SshNode]:
    node = SshNode(SshSettings(**{"programs": PROGRAMS, "user": ME, **settings}), subsystems or {}, forwarding)
    await node.know(*scopes)
    await node.start()
    try:
        yield node
    finally:
        await node.stop()


class Dialled(Protocol):
    """A node that can be dialled."""

    async def dial(self) -> Connection: ...


@contextlib.asynccontextmanager
async def bridged(node: Dialled) -> AsyncIterator[int]:
    """A TCP port of the loopback for programs that know no other: each connection to it is a QUIC connection."""

    async def bridge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = await (connection := await node.dial()).open_bi()

        async def back() -> None:
            with contextlib.suppress(StreamError, OSError):
                while data := await stream.read():
                    writer.write(data)
                    await writer.drain()
            writer.close()

        task = asyncio.create_task(back())
        with contextlib.suppress(StreamError, OSError):
            while data := await reader.read(65_536):
                await stream.write(data)
            stream.finish()
        await task
        connection.close()

    server = await asyncio.start_server(bridge, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
