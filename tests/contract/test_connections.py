"""What a handler may rely on in every transport (spec core §4), run against each one."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from node.control.stream import UnixStream
from node.core.connection import BiStream, Connection, IdentityAlreadySet
from node.core.errors import ConnectionClosed, LastStream, StreamClosed, StreamError
from node.core.identity import Identity
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


@pytest.fixture(params=EVERY.values(), ids=EVERY)
async def any_pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    factory: Callable[[Path], contextlib.AbstractAsyncContextManager[Pair]] = request.param
    async with factory(tmp_path) as ends, asyncio.timeout(60):
        yield ends


@pytest.fixture(params=MANY.values(), ids=MANY)
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    factory: Callable[[Path], contextlib.AbstractAsyncContextManager[Pair]] = request.param
    async with factory(tmp_path) as ends, asyncio.timeout(60):
        yield ends


async def test_bytes_arrive_whole_and_in_order(any_pair: Pair) -> None:
    client, server = any_pair
    sent = bytes(range(256)) * 2000
    stream = await spoken(client)

    async def send() -> None:
        for start in range(0, len(sent), 10_000):
            await stream.write(sent[start : start + 10_000])
        stream.finish()

    sending = asyncio.create_task(send())
    other = await server.accept_bi()
    received = bytearray()
    while part := await other.read(7_000):
        assert len(part) <= 7_000
        received += part
    assert received == sent
    await sending


async def test_each_direction_ends_on_its_own(any_pair: Pair) -> None:
    client, server = any_pair
    stream = await spoken(client)
    await stream.write(b"question")
    stream.finish()
    stream.finish()
    other = await server.accept_bi()
    assert await other.read_exactly(8) == b"question"
    assert await other.read() == b""
    await other.write(b"answer")
    other.finish()
    assert await stream.read_exactly(6) == b"answer"
    assert (await stream.read(), await stream.read()) == (b"", b"")
    with pytest.raises(StreamClosed):
        await stream.write(b"more")


async def test_a_look_ahead_takes_nothing_and_the_last_write_ends_its_direction(any_pair: Pair) -> None:
    client, server = any_pair
    stream = await spoken(client)
    await stream.write_last(b"question")
    other = await server.accept_bi()
    for _ in range(2):
        assert await other.peek(4) in (b"ques", b""), "b'' of a transport that cannot look ahead"
    assert not other.at_end
    assert await other.read_exactly(8) == b"question"
    assert await other.peek(4) == b""
    assert await other.read() == b""
    stream.finish()
    with pytest.raises(StreamClosed):
        await stream.write(b"more")
    await other.write_last(b"a" * 100_000)
    assert await stream.read_exactly(100_000) == b"a" * 100_000
    assert await stream.read() == b""


async def test_the_end_is_seen_without_another_read_where_streams_tell(pair: Pair) -> None:
    client, server = pair
    stream = await client.open_bi()
    await stream.write_last(b"question")
    other = await server.accept_bi()
    assert await other.peek(100) == b"question"
    assert (other.at_end, await other.read(), other.at_end) == (False, b"question", True)
    looking = asyncio.create_task(stream.peek(1))
    await asyncio.sleep(0)
    other.reset()
    assert await looking == b""
    assert not stream.at_end
    with pytest.raises(StreamError):
        await stream.read()


async def test_an_early_end_is_an_eof(any_pair: Pair) -> None:
    client, server = any_pair
    stream = await spoken(client)
    await stream.write(b"abc")
    stream.finish()
    with pytest.raises(EOFError):
        await (await server.accept_bi()).read_exactly(4)


async def test_either_side_opens_streams(pair: Pair) -> None:
    for ours, theirs in (pair, pair[::-1]):
        stream = await ours.open_bi()
        await stream.write(b"hello")
        assert await (await theirs.accept_bi()).read_exactly(5) == b"hello"


async def test_a_writer_waits_for_its_reader(any_pair: Pair) -> None:
    client, server = any_pair
    stream = await spoken(client)
    written = 0

    async def flood() -> None:
        nonlocal written
        while True:
            await stream.write(bytes(65_536))
            written += 65_536

    flooding = asyncio.create_task(flood())
    other = await server.accept_bi()
    before = -1
    while written != before:
        before = written
        await asyncio.sleep(0.2)
    assert written < 4 * 1024 * 1024
    for _ in range(200):
        await other.read()
    async with asyncio.timeout(60):
        while written == before:
            await asyncio.sleep(0.01)
            await other.read()
    flooding.cancel()


async def test_a_reset_wakes_the_reader_and_refuses_the_writer(pair: Pair) -> None:
    client, server = pair
    stream = await client.open_bi()
    await stream.write(b"x")
    other = await server.accept_bi()
    await other.read()
    reading = asyncio.create_task(other.read())
    await asyncio.sleep(0)
    stream.reset(5)
    with pytest.raises(StreamClosed):
        await reading
    with pytest.raises(StreamClosed):
        while True:
            await other.write(b"y")
            await asyncio.sleep(0.01)
    again = await client.open_bi()
    await again.write(b"alive")
    assert await (await server.accept_bi()).read_exactly(5) == b"alive"


async def test_a_failure_is_told_to_who_neither_reads_nor_writes(pair: Pair) -> None:
    client, server = pair
    stream = await client.open_bi()
    await stream.write(b"unread")
    other = await server.accept_bi()
    waits = [asyncio.create_task(wait) for wait in (other.broken(), other.stopped())]
    await asyncio.sleep(0.01)
    assert not any(wait.done() for wait in waits)
    stream.reset(5)
    assert [getattr(await wait, "code", None) for wait in waits] == [5, 5]
    assert isinstance(await other.broken(), StreamClosed)


async def test_one_who_reads_no_more_may_still_write(pair: Pair) -> None:
    client, server = pair
    stream = await client.open_bi()
    await stream.write(b"unread")
    other = await server.accept_bi()
    reading = asyncio.create_task(stream.read())
    other.stop_reading(6)
    with pytest.raises(StreamClosed):
        await other.read()
    assert getattr(await stream.stopped(), "code", None) == 6
    with pytest.raises(StreamClosed):
        await stream.write(b"x")
    await other.write_last(b"answer")
    assert await reading == b"answer"
    assert await stream.read() == b""


async def test_what_was_delivered_outlives_the_connection_and_what_was_not_is_told(any_pair: Pair) -> None:
    client, server = any_pair
    stream = await spoken(client)
    await stream.write(b"x" * 50_000)
    other = await server.accept_bi()
    assert len(await other.read_exactly(50_000)) == 50_000
    await stream.delivered()
    await stream.write_last(b"y")
    assert await other.read() == b"y"
    await stream.delivered()
    if isinstance(other, SocketStream):
        return  # the system sees to it
    waiting = asyncio.create_task(other.write_last(b"z" * 10_000_000))
    stream.reset(1)
    with pytest.raises(StreamError):
        await waiting
    with pytest.raises(StreamError):
        await other.delivered()


async def test_a_close_reaches_everyone_with_its_code_and_reason(pair: Pair) -> None:
    client, server = pair
    stream = await client.open_bi()
    await stream.write(b"x")
    await server.accept_bi()
    waits = [asyncio.create_task(wait) for wait in (stream.read(), client.accept_bi(), client.wait_closed())]
    await asyncio.sleep(0.01)
    server.close(0x41, "revoked: peer disabled")
    server.close(0, "again")
    ends = await asyncio.gather(*waits, return_exceptions=True)
    assert all(isinstance(end, ConnectionClosed) for end in ends), ends
    assert {(end.code, end.reason) for end in ends if isinstance(end, ConnectionClosed)} == {
        (0x41, "revoked: peer disabled")
    }
    assert (await server.wait_closed()).code == 0x41
    for connection in pair:
        with pytest.raises(StreamError):
            await connection.open_bi()
        with pytest.raises(ConnectionClosed):
            await connection.accept_bi()


async def test_an_identity_is_written_once(any_pair: Pair) -> None:
    _, server = any_pair
    assert (server.remote_alpn, server.identity) == (ALPN, None)
    server.set_identity(Identity("ann"))
    with pytest.raises(IdentityAlreadySet):
        server.set_identity(Identity("bob"))
    assert server.identity == Identity("ann")


@pytest.fixture
async def unix_pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with unix(tmp_path) as ends, asyncio.timeout(60):
        yield ends


async def test_what_went_over_is_counted_once_where_it_is_counted(any_pair: Pair) -> None:
    client, server = any_pair
    stream = await spoken(client)
    await stream.write(b"x" * 5000)
    other = await server.accept_bi()
    await other.read_exactly(5000)
    if client.transferred is not None and server.transferred is not None:
        assert (client.transferred, server.transferred) == ((0, 5000), (5000, 0))
    await other.write(b"y" * 70)
    await stream.read_exactly(70)
    if client.transferred is not None and server.transferred is not None:
        assert (client.transferred, server.transferred) == ((70, 5000), (5000, 70))


async def test_a_transport_of_one_stream_gives_it_once(unix_pair: Pair) -> None:
    for connection in unix_pair:
        await connection.accept_bi()
        for _ in range(2):
            with pytest.raises(LastStream):
                await connection.accept_bi()
        with pytest.raises(StreamClosed):
            await connection.open_bi()


async def test_over_unix_a_reset_ends_the_reader_and_refuses_the_writer(unix_pair: Pair) -> None:
    """The kernel knows no reset of such a socket: where nothing was left unread the other side sees an end."""
    ours, theirs = [await connection.accept_bi() for connection in unix_pair]
    own = asyncio.create_task(ours.read())
    await asyncio.sleep(0)
    ours.reset(5)
    with pytest.raises(StreamClosed):
        await own
    for broken in (ours.read(), ours.write(b"x")):
        with pytest.raises(StreamClosed):
            await broken
    ours.finish()
    assert await theirs.read() == b""
    with pytest.raises(StreamClosed):
        while True:
            await theirs.write(b"y")
            await asyncio.sleep(0.01)


async def test_over_unix_a_reset_wakes_a_writer_that_waits(unix_pair: Pair) -> None:
    stream = await unix_pair[0].accept_bi()

    async def flood() -> None:
        while True:
            await stream.write(bytes(65_536))

    flooding = asyncio.create_task(flood())
    await asyncio.sleep(0.1)
    assert not flooding.done()
    stream.reset()
    with pytest.raises(StreamClosed):
        await flooding


async def test_over_unix_a_close_ends_both_sides(unix_pair: Pair) -> None:
    near, far = unix_pair
    ours, theirs = [await connection.accept_bi() for connection in unix_pair]
    near.close(0x43, "enough")
    assert (await near.wait_closed()).reason == "enough"
    with pytest.raises(ConnectionClosed):
        await near.accept_bi()
    with pytest.raises(StreamClosed):
        await ours.read()
    assert await theirs.read() == b""
    far.close()
