"""Bytes through a transport: all of them, in order, and few of them held."""

import asyncio

import pytest

from tests.support.quic import settled
from tests.support.streams import stream_pair
from tests.support.transports import (
    MORE_THAN_FITS,
    WINDOW,
    Ends,
    quic,
    reading_and_writing,
    recording,
)


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


async def test_a_reader_that_pauses_again_at_once_has_paused(ends: Ends) -> None:
    near, far = ends
    transport, recorder = recording(near)
    transport.pause_reading()
    await far.write(b"later")
    await asyncio.sleep(0.05)
    transport.resume_reading()
    transport.pause_reading()
    await asyncio.sleep(0.01)
    assert recorder.told == ["connection_made"]
    transport.resume_reading()
    await settled(lambda: recorder.data == b"later")
    transport.abort()
    await transport.wait_closed()
