"""What a protocol gets over one stream, run over each kind of stream: what it would get of a socket."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from node.control.stream import UnixStream
from node.core.connection import BiStream
from node.core.errors import ConnectionClosed, StreamClosed, StreamError
from node.core.stream_transport import StreamTransport
from tests.support.quic import exchange, read_all, serving, settled, soon
from tests.support.streams import stream_pair

Ends = tuple[BiStream, BiStream]
WINDOW = 256 * 1024
MORE_THAN_FITS = 4 * 1024 * 1024


@contextlib.asynccontextmanager
async def memory() -> AsyncIterator[Ends]:
    yield stream_pair()


@contextlib.asynccontextmanager
async def quic() -> AsyncIterator[Ends]:
    async with serving(max_stream_window=WINDOW, max_write_high_water=WINDOW) as server:
        yield await exchange(*await server.pair())


@contextlib.asynccontextmanager
async def unix() -> AsyncIterator[Ends]:
    near, far = [UnixStream(*await asyncio.open_unix_connection(sock=one)) for one in socket.socketpair()]
    yield near, far
    await near.close(0)
    await far.close(0)


TELLING = {"memory": memory, "quic": quic}
"""Those that tell of a reset although nobody reads."""
EVERY = {**TELLING, "unix": unix}


@pytest.fixture(params=EVERY.values(), ids=EVERY)
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[Ends]:
    make: Callable[[], AbstractAsyncContextManager[Ends]] = request.param
    async with make() as made, asyncio.timeout(60):
        yield made


@pytest.fixture(params=TELLING.values(), ids=TELLING)
async def telling(request: pytest.FixtureRequest) -> AsyncIterator[Ends]:
    make: Callable[[], AbstractAsyncContextManager[Ends]] = request.param
    async with make() as made, asyncio.timeout(60):
        yield made


class Recorder(asyncio.Protocol):
    """Notes whatever it is told. `keeps_open` after the peer's end, `raises` in the callback of that name."""

    def __init__(self, *, keeps_open: bool = False, raises: str = "") -> None:
        self.keeps_open, self.raises = keeps_open, raises
        self.data = bytearray()
        self.told: list[str] = []
        self.lost: list[BaseException | None] = []

    def _note(self, name: str) -> None:
        self.told.append(name)
        if name == self.raises:
            raise ValueError(name)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._note("connection_made")

    def data_received(self, data: bytes) -> None:
        self.data += data
        self._note("data_received")

    def eof_received(self) -> bool:
        self._note("eof_received")
        return self.keeps_open

    def pause_writing(self) -> None:
        self._note("pause_writing")

    def resume_writing(self) -> None:
        self._note("resume_writing")

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost.append(exc)
        self._note("connection_lost")


class Buffered(asyncio.BufferedProtocol):
    """Echoes through a buffer of so many bytes."""

    def __init__(self, size: int) -> None:
        self.buffer = bytearray(size)
        self.lost: list[BaseException | None] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, StreamTransport)
        self.transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:
        assert sizehint > 0
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.transport.write(self.buffer[:nbytes])

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost.append(exc)


def recording(stream: BiStream, **how: Any) -> tuple[StreamTransport, Recorder]:
    recorder = Recorder(**how)
    return StreamTransport.attach(stream, recorder), recorder


def reading_and_writing(stream: BiStream) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """asyncio's own streams over ours."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport = StreamTransport.attach(stream, protocol)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


@contextlib.contextmanager
def reports() -> Any:
    """What is reported to the loop's handler of exceptions meanwhile."""
    loop, told = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, report: told.append(report))
    try:
        yield told
    finally:
        loop.set_exception_handler(None)


async def test_streams_of_asyncio_talk_and_close_in_order(ends: Ends) -> None:
    (near_reader, near_writer), (far_reader, far_writer) = map(reading_and_writing, ends)
    near_writer.write(b"question\n")
    assert await far_reader.readline() == b"question\n"
    far_writer.writelines([b"an", bytearray(b"sw"), memoryview(b"er")])
    far_writer.write_eof()
    assert await near_reader.read() == b"answer"
    assert near_writer.can_write_eof()
    near_writer.close()
    await near_writer.wait_closed()
    assert await far_reader.read() == b""
    far_writer.close()
    await far_writer.wait_closed()


async def test_a_buffered_protocol_gets_all_of_it_however_small_its_buffer(ends: Ends) -> None:
    near, far = ends
    echo = Buffered(1000)
    transport = StreamTransport.attach(near, echo, peername=("192.0.2.1", 4433), extra={"alpn": b"x"})
    assert transport.get_extra_info("peername") == ("192.0.2.1", 4433)
    assert (transport.get_extra_info("alpn"), transport.get_extra_info("socket", "none")) == (b"x", "none")
    sent = bytes(range(256)) * 100
    reading = asyncio.create_task(read_all(far))
    await far.write_last(sent)
    assert await reading == sent
    await soon(transport.wait_closed())
    assert echo.lost == [None]


async def test_much_goes_each_way_past_slow_readers_and_little_is_held(ends: Ends) -> None:
    await both_ways(ends, 2 * 1024 * 1024)


async def test_ten_megabytes_go_each_way_over_quic() -> None:
    async with quic() as ends:
        await both_ways(ends, 10 * 1024 * 1024)


async def both_ways(ends: Ends, size: int) -> None:
    near, far = map(reading_and_writing, ends)
    sent = bytes(range(256)) * (size // 256)
    held = await asyncio.gather(send(near[1], sent), send(far[1], sent), receive(near[0], sent), receive(far[0], sent))
    assert max(held) <= 64 * 1024 + 50_000 + 2 * 65_536


async def send(writer: asyncio.StreamWriter, data: bytes) -> int:
    """The most that ever waited to be written."""
    most = 0
    for start in range(0, len(data), 50_000):
        writer.write(data[start : start + 50_000])
        most = max(most, writer.transport.get_write_buffer_size())
        await writer.drain()
    writer.write_eof()
    return most


async def receive(reader: asyncio.StreamReader, expected: bytes) -> int:
    """The most that ever waited to be read, by one who reads in fits and starts."""
    got, most, part = bytearray(), 0, b"-"
    while part:
        if len(got) % 5 == 0:
            await asyncio.sleep(0.005)
        most = max(most, len(reader._buffer))
        part = await reader.read(100_000)
        got += part
    assert got == expected
    return most


async def test_what_is_offered_to_a_paused_reader_stays_with_its_writer(ends: Ends) -> None:
    (near, writing), (far, reading) = map(recording, ends)
    far.pause_reading()
    written = 0
    async with asyncio.timeout(60):
        while written < MORE_THAN_FITS and near.get_write_buffer_size() < 1024 * 1024:
            near.write(bytes(32 * 1024))
            written += 32 * 1024
            await asyncio.sleep(0.001)
    assert written - near.get_write_buffer_size() <= 4 * WINDOW
    assert (reading.data, writing.told) == (b"", ["connection_made", "pause_writing"])
    far.resume_reading()
    await settled(lambda: len(reading.data) == written)
    assert writing.told == ["connection_made", "pause_writing", "resume_writing"]
    assert near.get_write_buffer_size() == 0


async def test_what_comes_while_reading_is_paused_waits_for_it_to_go_on(ends: Ends) -> None:
    near, far = ends
    transport, recorder = recording(near, keeps_open=True)
    await asyncio.sleep(0.01)  # the first read waits by now
    for _ in range(2):
        transport.pause_reading()
        assert not transport.is_reading()
    await far.write_last(b"later")
    await asyncio.sleep(0.05)
    assert recorder.told == ["connection_made"]
    for _ in range(2):
        transport.resume_reading()
        assert transport.is_reading()
    await settled(lambda: "eof_received" in recorder.told)
    assert recorder.data == b"later"
    transport.close()
    transport.resume_reading()
    assert not transport.is_reading()


@pytest.mark.parametrize("paused", [False, True], ids=["reading", "paused"])
@pytest.mark.parametrize("waiting", [False, True], ids=["with nothing to write", "with a write that waits"])
async def test_a_reset_by_the_peer_is_told_at_once(telling: Ends, paused: bool, waiting: bool) -> None:
    near, far = telling
    transport, recorder = recording(near)
    if paused:
        transport.pause_reading()
        await far.write(b"unread")
    if waiting:
        transport.write(bytes(MORE_THAN_FITS))
    await asyncio.sleep(0.05)
    far.reset(7)
    await settled(lambda: recorder.lost)
    (error,) = recorder.lost
    assert isinstance(error, ConnectionResetError)
    assert isinstance(error.__cause__, StreamClosed)
    assert (error.__cause__.code, transport.is_closing(), transport.get_write_buffer_size()) == (7, True, 0)
    transport.write(b"nobody gets this")
    transport.close()
    transport.abort()
    await soon(transport.wait_closed())
    assert recorder.lost == [error]


async def test_what_has_come_before_a_reset_by_one_who_only_reads_no_more_is_given(telling: Ends) -> None:
    """The peer's end is known, so that nothing is missing; then there is nobody to write to."""
    near, far = telling
    transport, recorder = recording(near, keeps_open=True)
    transport.pause_reading()
    await far.write_last(b"answer")
    far.stop_reading(3)
    await asyncio.sleep(0.05)
    assert recorder.lost == []
    transport.resume_reading()
    await settled(lambda: recorder.lost)
    assert (recorder.data, recorder.told[-2:]) == (b"answer", ["eof_received", "connection_lost"])
    assert isinstance(recorder.lost[0], ConnectionResetError)


@pytest.mark.parametrize("paused", [False, True], ids=["reading", "paused"])
async def test_the_loss_of_the_connection_is_told_at_once(paused: bool) -> None:
    async with serving() as server:
        client, accepted = await server.pair()
        near, _ = await exchange(client, accepted)
        transport, recorder = recording(near)
        if paused:
            transport.pause_reading()
        accepted.close(0x41, "revoked")
        await settled(lambda: recorder.lost)
        cause = getattr(recorder.lost[0], "__cause__", None)
        assert isinstance(recorder.lost[0], ConnectionResetError)
        assert isinstance(cause, ConnectionClosed)
        assert (cause.code, cause.reason) == (0x41, "revoked")


async def test_a_connection_that_falls_silent_is_a_time_out() -> None:
    async with serving(idle_timeout=0.5) as server:
        client, accepted = await server.pair()
        near, _ = await exchange(client, accepted)
        transport, recorder = recording(near)
        transport.pause_reading()
        await settled(lambda: recorder.lost)
        assert isinstance(recorder.lost[0], TimeoutError)


async def test_all_that_came_before_an_end_is_given_though_the_connection_has_ended() -> None:
    async with serving() as server:
        client, accepted = await server.pair()
        near, far = await exchange(client, accepted)
        transport, recorder = recording(near, keeps_open=True)
        transport.pause_reading()
        await far.write_last(b"x" * 100_000)
        await soon(far.delivered())
        accepted.close()
        await soon(client.wait_closed())
        await asyncio.sleep(0.01)
        assert recorder.lost == []
        transport.resume_reading()
        await settled(lambda: recorder.lost)
        assert (len(recorder.data), recorder.told[-2:]) == (100_000, ["eof_received", "connection_lost"])


async def test_our_end_first_and_the_peer_goes_on(ends: Ends) -> None:
    near, far = ends
    transport, recorder = recording(near, keeps_open=True)
    transport.write(b"question")
    transport.write_eof()
    transport.write_eof()
    with pytest.raises(RuntimeError):
        transport.write(b"more")
    assert await read_all(far) == b"question"
    await far.write(b"ans")
    await far.write_last(b"wer")
    await soon(transport.wait_closed())
    assert (recorder.data, recorder.lost) == (b"answer", [None])


async def test_the_peers_end_first_and_we_go_on(ends: Ends) -> None:
    near, far = ends
    transport, recorder = recording(near, keeps_open=True)
    await far.write_last(b"question")
    await settled(lambda: "eof_received" in recorder.told)
    assert not transport.is_closing()
    reading = asyncio.create_task(read_all(far))
    transport.write(b"ans" * 100_000)
    await asyncio.sleep(0.01)
    assert recorder.lost == []
    transport.write_eof()
    assert await reading == b"ans" * 100_000
    await soon(transport.wait_closed())
    assert recorder.lost == [None]


async def test_the_peers_end_closes_a_protocol_that_does_not_ask_otherwise(ends: Ends) -> None:
    near, far = ends
    transport, recorder = recording(near)
    transport.write(b"last words")
    await far.write_last(b"bye")
    assert await read_all(far) == b"last words"
    await soon(transport.wait_closed())
    assert (recorder.data, recorder.lost) == (b"bye", [None])


async def test_a_close_brings_all_that_was_written_and_reads_no_more(ends: Ends) -> None:
    near, far = ends
    transport, recorder = recording(near)
    transport.write(bytes(MORE_THAN_FITS))
    transport.close()
    transport.close()
    transport.write(b"dropped")
    await far.write(b"not read")
    assert not recorder.lost
    assert await read_all(far) == bytes(MORE_THAN_FITS)
    await soon(transport.wait_closed())
    assert (recorder.data, recorder.lost) == (b"", [None])


async def test_after_a_close_the_peer_hears_that_nobody_reads(telling: Ends) -> None:
    near, far = telling
    transport, _ = recording(near)
    transport.close()
    assert await read_all(far) == b""
    assert isinstance(await soon(far.stopped()), StreamClosed)
    with pytest.raises(StreamError):
        await far.write(b"x")


async def test_a_connection_that_closes_after_the_transport_takes_nothing_along() -> None:
    async with serving() as server:
        client, accepted = await server.pair()
        near, far = await exchange(client, accepted)
        transport, _ = recording(near)
        transport.write(b"y" * 1_000_000)
        transport.close()
        reading = asyncio.create_task(read_all(far))
        await soon(transport.wait_closed())
        client.close()
        assert len(await soon(reading)) == 1_000_000


async def test_an_abort_drops_both_directions_at_once(telling: Ends) -> None:
    near, far = telling
    transport, recorder = recording(near)
    transport.write(bytes(MORE_THAN_FITS))
    await asyncio.sleep(0.01)
    transport.abort()
    assert (transport.get_write_buffer_size(), recorder.lost) == (0, [])
    await soon(transport.wait_closed())
    assert recorder.lost == [None]
    for broken in (far.broken(), far.stopped()):
        assert isinstance(await soon(broken), StreamError)


async def test_over_unix_an_abort_ends_both_sides() -> None:
    async with unix() as (near, far):
        transport, recorder = recording(near)
        transport.abort()
        await soon(transport.wait_closed())
        assert (recorder.lost, await far.read()) == ([None], b"")


@pytest.mark.parametrize("name", ["data_received", "eof_received"])
async def test_a_protocol_that_fails_loses_its_connection_and_the_failure_is_reported(ends: Ends, name: str) -> None:
    near, far = ends
    with reports() as told:
        transport, recorder = recording(near, raises=name)
        await far.write_last(b"x")
        await settled(lambda: recorder.lost)
        assert isinstance(recorder.lost[0], ValueError)
        assert (told[0]["transport"], told[0]["protocol"]) == (transport, recorder)
        await soon(transport.wait_closed())


@pytest.mark.parametrize("name", ["pause_writing", "resume_writing", "connection_lost"])
async def test_a_failure_to_be_told_is_reported_and_no_more(ends: Ends, name: str) -> None:
    near, far = ends
    with reports() as told:
        transport, recorder = recording(near, raises=name)
        reading = asyncio.create_task(read_all(far))
        transport.write(b"x" * 300_000)
        transport.close()
        assert len(await reading) == 300_000
        await soon(transport.wait_closed())
        assert (recorder.lost, len(told)) == ([None], 1)


async def test_a_protocol_that_fails_to_begin_has_no_stream() -> None:
    near, far = stream_pair()
    with pytest.raises(ValueError, match="connection_made"):
        recording(near, raises="connection_made")
    with pytest.raises(StreamClosed):
        await far.read()


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_a_protocol_may_end_it_as_soon_as_it_is_made(ends: Ends, how: str) -> None:
    class Brief(Recorder):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, StreamTransport)
            transport.write(b"no")
            getattr(transport, how)()

    near, far = ends
    brief = Brief()
    transport = StreamTransport.attach(near, brief)
    assert brief.lost == []
    with contextlib.suppress(StreamError):
        assert await read_all(far) == (b"no" if how == "close" else b"")
    await soon(transport.wait_closed())
    assert brief.lost == [None]


async def test_a_protocol_may_hand_over_to_another(ends: Ends) -> None:
    near, far = ends
    transport, first = recording(near)
    second = Recorder()
    await far.write(b"one")
    await settled(lambda: first.data)
    transport.set_protocol(second)
    assert transport.get_protocol() is second
    await far.write_last(b"two")
    await soon(transport.wait_closed())
    assert (first.data, first.lost, second.data, second.lost) == (b"one", [], b"two", [None])


async def test_only_bytes_are_written_and_marks_are_asyncios() -> None:
    near, _ = stream_pair()
    transport, recorder = recording(near)
    with pytest.raises(TypeError):
        transport.write("text")
    assert transport.get_write_buffer_limits() == (16 * 1024, 64 * 1024)
    transport.set_write_buffer_limits(high=10)
    assert transport.get_write_buffer_limits() == (2, 10)
    transport.write(b"x" * 11)
    assert recorder.told == ["connection_made", "pause_writing"]
    transport.set_write_buffer_limits(low=20)
    assert transport.get_write_buffer_limits() == (20, 80)
    assert recorder.told[-1] == "resume_writing"
    for high, low in ((1, 2), (1, -1)):
        with pytest.raises(ValueError, match="0 <= low <= high"):
            transport.set_write_buffer_limits(high, low)
    transport.abort()
