"""A client of SFTP that says exactly what a test wants, and can ask ahead."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from node.core.connection import BiStream, Connection
from node.core.identity import AuthContext, Identity
from node.core.live import Live
from node.core.peers import PeerEntry
from node.core.repository import IdentityProvider
from node.endpoint.endpoint import Endpoint
from node.endpoint.limits import EndpointLimits
from node.endpoint.registry import HandlerRegistry
from node.handlers.sftp.codec import Attributes, OpenFlags, Status, decode, encode, frame_length, packets
from node.handlers.sftp.handler import ALPN, SftpHandler
from node.handlers.sftp.limits import BucketSettings, SftpLimits
from node.quic.client.dial import dial_quic
from node.quic.limits import QuicLimits
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey
from node.store.memory import MemoryIdentityStore
from tests.support.journals import ListJournal
from tests.support.quic import soon
from tests.support.streams import connection_pair

KEY = "ed25519:" + "11" * 32
NEW = OpenFlags.WRITE | OpenFlags.CREATE | OpenFlags.TRUNCATE
NOTHING = Attributes()


ALL = ("sftp:read", "sftp:write")


class Failed(Exception):
    """A status that is not OK."""

    def __init__(self, reply: packets.StatusReply) -> None:
        super().__init__(reply.message)
        self.status = reply.code


async def refused(asking: object) -> int:
    with pytest.raises(Failed) as failed:
        await asking  # type: ignore[misc]
    return failed.value.status


class RawSftp:
    """One session over a stream."""

    def __init__(self, stream: BiStream) -> None:
        self.stream = stream
        self._ids = itertools.count(1)
        self._kept: dict[int, Any] = {}

    async def begin(self) -> packets.Version:
        await self.stream.write(encode(packets.Init()))
        version = await self.next()
        assert isinstance(version, packets.Version)
        return version

    async def ask(self, kind: Any, *given: Any) -> int:
        """Send a request, and wait for nothing. Its id."""
        request_id = next(self._ids)
        await self.stream.write(encode(kind(request_id, *given)))
        return request_id

    async def next(self) -> Any:
        length = frame_length(await soon(self.stream.read_exactly(4)), 1 << 30)
        return decode(await soon(self.stream.read_exactly(length)))

    async def reply(self, request_id: int) -> Any:
        """The answer to one request. Raises Failed."""
        while request_id not in self._kept:
            packet = await self.next()
            self._kept[packet.request_id] = packet
        reply = self._kept.pop(request_id)
        if isinstance(reply, packets.StatusReply) and reply.code != Status.OK:
            raise Failed(reply)
        return reply

    async def do(self, kind: Any, *given: Any) -> Any:
        return await self.reply(await self.ask(kind, *given))

    async def open(self, path: bytes, flags: OpenFlags = OpenFlags.READ) -> bytes:
        reply = await self.do(packets.Open, path, flags, NOTHING)
        assert isinstance(reply, packets.HandleReply)
        return reply.handle

    async def put(self, path: bytes, data: bytes) -> None:
        handle = await self.open(path, NEW)
        await self.do(packets.Write, handle, 0, data)
        await self.do(packets.Close, handle)

    async def get(self, path: bytes) -> bytes:
        handle = await self.open(path)
        parts = bytearray()
        with contextlib.suppress(Failed):
            while True:
                parts += (await self.do(packets.Read, handle, len(parts), 32_768)).data
        await self.do(packets.Close, handle)
        return bytes(parts)

    async def names(self, path: bytes) -> list[bytes]:
        handle = (await self.do(packets.Opendir, path)).handle
        found: list[bytes] = []
        with contextlib.suppress(Failed):
            while True:
                found += [entry.filename for entry in (await self.do(packets.Readdir, handle)).entries]
        await self.do(packets.Close, handle)
        return sorted(name for name in found if name not in (b".", b".."))


class OnePeer(IdentityProvider):
    """Knows one key, whose rights a test changes on the way."""

    def __init__(self, *scopes: str, buckets: tuple[str, ...] = ("files",)) -> None:
        self.identity: Identity | None = Identity("laptop", scopes, {"bucket": buckets})

    def give(self, *scopes: str, buckets: tuple[str, ...] = ("files",)) -> None:
        self.identity = Identity("laptop", scopes, {"bucket": buckets})

    def resolve_from_fingerprint(self, fingerprint: str) -> Identity | None:
        return self.identity if fingerprint == KEY else None

    def resolve_from_token(self, token: Any) -> Identity | None:
        return None


class SftpWorld:
    """A handler with one bucket, `files`, and one peer."""

    def __init__(self, directory: Path, **limits: Any) -> None:
        self.files = directory / "files"
        self.files.mkdir()
        buckets = {"files": BucketSettings(directory=self.files), **limits.pop("buckets", {})}
        self.limits = Live(SftpLimits(buckets=buckets, **limits))
        self.peer = OnePeer("sftp:read", "sftp:write")
        self.journal = ListJournal()
        self.handler = SftpHandler(self.peer, self.limits, self.journal)
        self.connections: list[tuple[Connection, asyncio.Task[None]]] = []

    async def connect(self, key: str | None = KEY) -> tuple[Connection, "asyncio.Task[None]"]:
        ours, theirs = connection_pair(ALPN)
        serving = asyncio.create_task(self._serve(theirs, AuthContext(None, ALPN, ("192.0.2.1", 5), key)))
        self.connections.append((ours, serving))
        return ours, serving

    async def session(self, connection: Connection | None = None) -> RawSftp:
        connection = connection or (await self.connect())[0]
        client = RawSftp(await connection.open_bi())
        await client.begin()
        return client

    async def close(self) -> None:
        for connection, serving in self.connections:
            connection.close()
            await soon(asyncio.wait((serving,)))
            if not serving.cancelled():
                serving.exception()
        await self.handler.close()

    async def _serve(self, connection: Connection, auth: AuthContext) -> None:
        try:
            await self.handler.handle(connection, auth)
        finally:
            connection.close()


@contextlib.asynccontextmanager
async def sftp_world(directory: Path, **limits: Any) -> AsyncIterator[SftpWorld]:
    world = SftpWorld(directory, **limits)
    try:
        yield world
    finally:
        await world.close()


class SftpNode:
    """An endpoint over QUIC that serves one bucket, and one peer with a key of its own."""

    def __init__(self, root: Path, **limits: Any) -> None:
        self.root = root
        self.key, self.peer_key = NodeKey.generate(), NodeKey.generate()
        self.store = MemoryIdentityStore()
        self.limits = Live(SftpLimits(buckets={"files": BucketSettings(directory=root)}, **limits))
        self.handler = SftpHandler(self.store, self.limits)

    async def give(self, *scopes: str) -> None:
        await self.store.put_peer(
            PeerEntry("laptop", (self.peer_key.fingerprint,), scopes=scopes, resources={"bucket": ("files",)})
        )

    async def start(self) -> None:
        self.listener = await QuicListener.bind("127.0.0.1", 0, key=self.key, alpns=[ALPN], limits=QuicLimits())
        registry = HandlerRegistry([self.handler])
        self.endpoint = Endpoint(registry, self.store, EndpointLimits(drain_timeout=0.2), [self.listener])
        self.store.subscribe(self.endpoint.enforce)
        self._serving = asyncio.create_task(self.endpoint.run())

    async def stop(self) -> None:
        await self.endpoint.shutdown()
        await self._serving
        await self.handler.close()

    async def dial(self) -> Connection:
        host, port = self.listener.address
        return await dial_quic(host=host, port=port, alpn=ALPN, key=self.peer_key, pin=self.key.fingerprint, timeout=60)


@contextlib.asynccontextmanager
async def sftp_node(root: Path, *scopes: str, **limits: Any) -> AsyncIterator[SftpNode]:
    root.mkdir(exist_ok=True)
    node = SftpNode(root, **limits)
    await node.give(*(scopes or ("sftp:*",)))
    await node.start()
    try:
        yield node
    finally:
        await node.stop()
