"""Protocols that fail, that fill a buffer of their own, and that hand over to another."""

import asyncio

import pytest

from node.core.errors import StreamClosed
from node.core.stream_transport import StreamTransport
from tests.support.quic import read_all, settled, soon
from tests.support.streams import stream_pair
from tests.support.transports import Buffered, Ends, Recorder, recording, reports


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


async def test_a_buffered_protocol_may_hand_over_in_the_midst_of_what_has_come(ends: Ends) -> None:
    class First(Buffered):
        def buffer_updated(self, nbytes: int) -> None:
            self.transport.set_protocol(second)

    near, far = ends
    second = Recorder()
    transport = StreamTransport.attach(near, First(3))
    await far.write_last(b"abcdef")
    await soon(transport.wait_closed())
    assert (second.data, second.lost) == (b"def", [None])


async def test_a_buffer_without_room_ends_the_connection() -> None:
    near, far = stream_pair()
    with reports() as told:
        buffered = Buffered(0)
        transport = StreamTransport.attach(near, buffered)
        await far.write(b"x")
        await soon(transport.wait_closed())
    assert isinstance(buffered.lost[0], RuntimeError)
    assert (len(buffered.lost), len(told), buffered.updates) == (1, 1, 0)


async def test_a_protocol_that_raises_what_cancels_tasks_loses_its_connection_like_any_other() -> None:
    near, far = stream_pair()
    with reports() as told:
        transport, recorder = recording(near, raises="data_received", error=asyncio.CancelledError)
        await far.write(b"x")
        await soon(transport.wait_closed())
    assert isinstance(recorder.lost[0], asyncio.CancelledError)
    assert len(told) == 1
