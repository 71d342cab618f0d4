"""Frames against the vectors of spec call §15, cut and merged at every byte."""

import asyncio
import itertools
import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.fuzz_inputs import Chunks
from node.core.connection import BiStream
from node.handlers.call import envelope
from node.handlers.call.budget import ByteBudget, OverBudget
from node.handlers.call.charge import Charge
from node.handlers.call.frames import FrameError, FrameReader, FrameWriter, Stalled, encode_frame
from node.handlers.call.limits import MAX_FRAME
from tests.support.call_payloads import members
from tests.support.call_vectors import VECTORS, WIRE
from tests.support.streams import HIGH_WATER, MemoryStream, stream_pair


def frame_reader(stream: MemoryStream, *, stall_timeout: float = 30, max_frame: int = MAX_FRAME) -> FrameReader:
    return FrameReader(stream, max_frame=max_frame, stall_timeout=stall_timeout)


async def frames_of(stream: MemoryStream) -> list[bytes]:
    reader, charge, found = frame_reader(stream), Charge(ByteBudget(2 * MAX_FRAME)), []
    while (body := await reader.read(charge)) is not None:
        found.append(body)
    return found


class Blind(MemoryStream):
    """One that cannot look ahead, as some transports cannot."""

    peek = BiStream.peek


async def read_all(*chunks: bytes, blind: bool = False) -> list[bytes]:
    ours, theirs = stream_pair()
    if blind:
        ours = Blind(ours._incoming, ours._outgoing)
    for chunk in chunks:
        await theirs.write(chunk)
    theirs.finish()
    return await frames_of(ours)


@pytest.mark.parametrize("name", VECTORS)
async def test_a_vector_is_read(name: str) -> None:
    [body] = await read_all(WIRE[name])
    event, expected = envelope.decode(body), json.loads(VECTORS[name][1])
    wanted = {name: value for name, value in expected["payload"].items() if value is not None}
    assert (event.type, event.id, members(event.payload)) == (expected["type"], expected["id"], wanted)


@pytest.mark.parametrize("name", VECTORS)
def test_a_vector_is_written(name: str) -> None:
    expected = json.loads(VECTORS[name][1])
    frame = encode_frame(envelope.encode(expected["type"], expected["id"], expected["payload"]))
    assert frame[:4].hex() == VECTORS[name][0]
    assert json.loads(frame[4:]) == expected


@pytest.mark.parametrize("cut", range(len(WIRE["V1"])))
async def test_a_frame_cut_anywhere_reads_as_a_closed_stream(cut: int) -> None:
    assert await read_all(WIRE["V1"][:cut]) == []


@given(st.lists(st.integers(0, 180), max_size=12), st.booleans())
@settings(deadline=None, max_examples=50)
async def test_any_cutting_of_the_bytes_gives_the_same_frames(cuts: list[int], blind: bool) -> None:
    wire = WIRE["V3"] + WIRE["V5"] + WIRE["V6"]
    edges = [0, *sorted(cuts), len(wire)]
    chunks = [wire[start:end] for start, end in itertools.pairwise(edges)]
    assert await read_all(*chunks, blind=blind) == [WIRE[name][4:] for name in ("V3", "V5", "V6")]


async def test_of_what_lies_behind_a_frame_nothing_is_read_with_it() -> None:
    ours, theirs = stream_pair()
    await theirs.write(WIRE["V1"] + WIRE["V3"] + (4096).to_bytes(4, "big") + bytes(100))
    theirs.finish()
    reader, charges = frame_reader(ours), [Charge(ByteBudget(MAX_FRAME)) for _ in range(3)]
    for name, charge in zip(("V1", "V3"), charges, strict=False):
        assert await reader.read(charge) == WIRE[name][4:]
        assert charge._taken == len(WIRE[name]) - 4
    assert await ours.peek(4) == (4096).to_bytes(4, "big")
    assert await reader.read(charges[2]) is None
    assert ours.at_end


async def test_a_small_frame_that_stops_in_the_middle_is_given_up_with_what_it_charged() -> None:
    ours, theirs = stream_pair()
    await theirs.write(WIRE["V1"][:20])
    charge = Charge(ByteBudget(MAX_FRAME))
    with pytest.raises(Stalled):
        await frame_reader(ours, stall_timeout=0.01).read(charge)
    assert charge._taken == 16


@pytest.mark.parametrize("size", [1, 1019, 1020, 1021, 70_000])
async def test_the_last_frame_takes_the_end_of_its_stream_along_or_leaves_it_to_who_finishes(size: int) -> None:
    ours, theirs = stream_pair()
    writer = FrameWriter(ours, stall_timeout=30)
    reading = asyncio.create_task(frames_of(theirs))
    await writer.write(b"x" * size, last=True)
    writer.finish()
    assert await reading == [b"x" * size]


@pytest.mark.parametrize("prefix", ["00000000", "04000001", "ffffffff"])
async def test_a_length_outside_the_contract_is_refused(prefix: str) -> None:
    with pytest.raises(FrameError):
        await read_all(bytes.fromhex(prefix) + b"x")


async def test_the_largest_frame_is_read_and_one_byte_more_is_not_written() -> None:
    ours, theirs = stream_pair()
    body = bytes(MAX_FRAME)
    frame = encode_frame(body)

    async def feed() -> None:
        for start in range(0, len(frame), 1 << 20):
            await theirs.write(frame[start : start + (1 << 20)])
        theirs.finish()

    feeding = asyncio.create_task(feed())
    assert await frames_of(ours) == [body]
    await feeding
    with pytest.raises(FrameError):
        encode_frame(bytes(MAX_FRAME + 1))
    with pytest.raises(FrameError):
        encode_frame(b"")


async def test_a_frame_that_comes_byte_by_byte_is_not_held_byte_by_byte() -> None:
    """Each part that is held has an object of its own, of many times the size of a few bytes."""
    body = bytes(range(1, 251)) * 200
    wire = encode_frame(body)
    stream = Chunks([wire[at : at + 2] for at in range(0, len(wire), 2)])
    budget = ByteBudget(MAX_FRAME)
    tracemalloc.start()
    try:
        assert await FrameReader(stream, max_frame=MAX_FRAME, stall_timeout=30).read(Charge(budget)) == body
        assert tracemalloc.get_traced_memory()[1] < 5 * len(body)
    finally:
        tracemalloc.stop()


@given(st.integers(1, 200_000))
@settings(max_examples=20, deadline=None)
async def test_a_frame_is_written_whole_whatever_its_size(size: int) -> None:
    ours, theirs = stream_pair()
    body = bytes(index % 251 for index in range(size))

    async def write() -> None:
        await FrameWriter(ours, stall_timeout=30).write(body)
        ours.finish()

    writing = asyncio.create_task(write())
    assert await frames_of(theirs) == [body]
    await writing


async def test_a_stalled_frame_is_given_up() -> None:
    ours, theirs = stream_pair()
    await theirs.write(WIRE["V1"][:20])
    with pytest.raises(FrameError, match="stalled"):
        await frame_reader(ours, stall_timeout=0.02).read(Charge(ByteBudget(1000)))


async def test_a_reader_that_stalls_is_given_up() -> None:
    ours, _ = stream_pair()
    with pytest.raises(FrameError, match="stalled"):
        await FrameWriter(ours, stall_timeout=0.02).write(bytes(1_000_000))


async def test_whoever_gives_up_before_a_frame_was_begun_has_said_nothing() -> None:
    ours, theirs = stream_pair()
    writer = FrameWriter(ours, stall_timeout=30)
    await ours.write(bytes(HIGH_WATER))
    given_up = asyncio.create_task(writer.write(bytes(100_000)))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.wait((given_up,))
    await theirs.read_exactly(HIGH_WATER)
    await writer.write(b"next")
    writer.finish()
    assert await frames_of(theirs) == [b"next"]


async def test_a_frame_that_finds_no_room_is_refused_at_once() -> None:
    ours, theirs = stream_pair()
    await theirs.write(WIRE["V1"])
    budget = ByteBudget(100)
    with pytest.raises(FrameError, match="in hand"):
        await frame_reader(ours).read(Charge(budget))


async def test_a_frame_longer_than_the_stream_may_carry_is_refused_by_its_prefix() -> None:
    ours, theirs = stream_pair()
    await theirs.write(bytes.fromhex("00000401"))
    with pytest.raises(FrameError, match="at most 1024"):
        await frame_reader(ours, max_frame=1024).read(Charge(ByteBudget(10_000)))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=30))
def test_a_budget_never_holds_more_than_its_size_nor_its_whole(steps: list[tuple[int, int]]) -> None:
    whole = ByteBudget(100)
    budgets = [ByteBudget(60, whole) for _ in range(3)]
    charges = [Charge(budget) for budget in budgets]
    held = [0, 0, 0]
    for which, count in steps:
        if which == 3:
            charges[count % 3].release()
            held[count % 3] = 0
        elif held[which] + count <= 60 and sum(held) + count <= 100:
            charges[which].add(count)
            held[which] += count
        else:
            with pytest.raises(OverBudget):
                charges[which].add(count)
        assert (whole.used, [budget.used for budget in budgets]) == (sum(held), held)
    for budget in budgets:
        budget.close()
    assert whole.used == 0
