"""A stream that breaks, by its peer or with its connection."""

import asyncio

import pytest

from node.core.errors import ConnectionClosed, StreamClosed
from tests.support.quic import exchange, serving, settled, soon
from tests.support.transports import MORE_THAN_FITS, Ends, recording


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
