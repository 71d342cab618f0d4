"""Ends in order, and ends that we bring about."""

import asyncio
import contextlib

import pytest

from node.core.errors import StreamClosed, StreamError
from node.core.stream_transport import StreamTransport
from tests.support.quic import exchange, read_all, serving, settled, soon
from tests.support.transports import MORE_THAN_FITS, Ends, Recorder, recording, unix


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


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_a_protocol_that_ends_it_is_given_nothing_more_though_more_has_come(ends: Ends, how: str) -> None:
    class Enough(Recorder):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            getattr(transport, how)()

    near, far = ends
    writing = asyncio.create_task(far.write_last(bytes(200_000)))
    await asyncio.sleep(0.05)  # some of it has come, all of it where the stream has room
    enough = Enough()
    transport = StreamTransport.attach(near, enough)
    await soon(transport.wait_closed())
    assert enough.told == ["connection_made", "data_received", "connection_lost"]
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
