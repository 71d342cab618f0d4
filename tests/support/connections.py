"""Connections under test: both ends of one over each transport."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from node.control.stream import UnixStream
from node.core.connection import BiStream, Connection
from node.core.errors import StreamClosed
from node.quic.client.dial import Dialler, dial_quic
from node.quic.limits import QuicLimits
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import load_or_create_node_key
from node.socket_stream import SocketStream
from node.tcp.listener import TcpListener
from tests.support.streams import connection_pair

ALPN = b"test/echo"
Pair = tuple[Connection, Connection]


@contextlib.asynccontextmanager
async def memory(_: Path) -> AsyncIterator[Pair]:
    one, other = connection_pair(ALPN)
    yield one, other
    one.close()


@contextlib.asynccontextmanager
async def quic(folder: Path) -> AsyncIterator[Pair]:
    key = load_or_create_node_key(folder / "key.pem")
    listener = await QuicListener.bind("127.0.0.1", 0, key=key, alpns=[ALPN], limits=QuicLimits())
    accepted: asyncio.Queue[Connection] = asyncio.Queue()
    listener.start(lambda connection, *_, **__: accepted.put_nowait(connection))
    client = await dial_quic(*listener.address, alpn=ALPN, key=None, pin=key.fingerprint)
    try:
        yield client, await accepted.get()
    finally:
        client.close()
        await listener.close()


@contextlib.asynccontextmanager
async def quic_from_a_shared_socket(folder: Path) -> AsyncIterator[Pair]:
    key = load_or_create_node_key(folder / "key.pem")
    async with contextlib.AsyncExitStack() as stack:
        near, far = [await QuicListener.bind("127.0.0.1", 0, key=key, alpns=[ALPN]) for _ in range(2)]
        accepted: asyncio.Queue[Connection] = asyncio.Queue()
        for listener in (near, far):
            stack.push_async_callback(listener.close)
            listener.start(lambda connection, *_, **__: accepted.put_nowait(connection))
        host, port = far.address
        client = await Dialler(near).dial(host, port, alpn=ALPN, key=None, pin=key.fingerprint)
        yield client, await accepted.get()


@contextlib.asynccontextmanager
async def unix(_: Path) -> AsyncIterator[Pair]:
    streams = [UnixStream(*await asyncio.open_unix_connection(sock=sock)) for sock in socket.socketpair()]
    one, other = (Connection.from_bidi(stream, ALPN) for stream in streams)
    yield one, other
    for stream in streams:
        await stream.close(0)


@contextlib.asynccontextmanager
async def tcp(_: Path) -> AsyncIterator[Pair]:
    accepted: asyncio.Queue[Connection] = asyncio.Queue()
    listener = await TcpListener.bind("127.0.0.1", 0, ALPN, most=1, most_of_address=1)
    listener.start(lambda connection, *_, **__: accepted.put_nowait(connection))
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)  # else the system holds some MiB by itself
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, listener.address)
    stream = SocketStream(*await asyncio.open_connection(sock=plain))
    yield Connection.from_bidi(stream, ALPN), await accepted.get()
    await stream.close(0)
    await listener.close()


async def spoken(connection: Connection) -> BiStream:
    """The stream of the side that speaks first. Where there is only one, both sides accept it."""
    try:
        return await connection.open_bi()
    except StreamClosed:
        return await connection.accept_bi()


MANY = {"memory": memory, "quic": quic, "quic from a shared socket": quic_from_a_shared_socket}
"""The transports that carry any number of streams."""
EVERY = {**MANY, "unix": unix, "tcp": tcp}
