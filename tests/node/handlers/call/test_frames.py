"""Frames against the vectors of spec call §15, cut and merged at every byte."""

import asyncio
import itertools
import json
import tracemalloc

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.fuzz_inputs import Chunks
from node.core.connection import BiStream
from node.handlers.call import envelope
from node.handlers.call.budget import ByteBudget, OverBudget
from node.handlers.call.charge import Charge
from node.handlers.call.envelope import EnvelopeError
from node.handlers.call.errors import CallError
from node.handlers.call.frames import FrameError, FrameReader, FrameWriter, Stalled, encode_frame
from node.handlers.call.limits import MAX_FRAME
from node.handlers.call.outbound import PendingCall
from tests.support.call_vectors import VECTORS, WIRE
from tests.support.streams import HIGH_WATER, MemoryStream, stream_pair

_MEMBERS = {field.encode_name for field in msgspec.structs.fields(envelope.Payload)}


def frame_reader(stream: MemoryStream, *, stall_timeout: float = 30, max_frame: int = MAX_FRAME) -> FrameReader:
    return FrameReader(stream, max_frame=max_frame, stall_timeout=stall_timeout)


async def frames_of(stream: MemoryStream) -> list[bytes]:
    reader, charge, found = frame_reader(stream), Charge(ByteBudget(2 * MAX_FRAME)), []
    while (body := await reader.read(charge)) is not None:
        found.append(body)
    return found


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def payload_of(value: object) -> envelope.Payload:
    return envelope.decode(json.dumps({"type": "x", "id": "1", "payload": value}).encode()).payload


def members(payload: envelope.Payload) -> dict[str, object]:
    """Those that are there and not null."""
    found = {name: json.loads(bytes(text)) for name, text in msgspec.structs.asdict(payload).items()}
    if "operation" in found:
        found["operationId"] = found.pop("operation")
    return {name: value for name, value in found.items() if value is not None}


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


@pytest.mark.parametrize(
    "body",
    [
        b'{"type":"x","id":"1"}',
        b'{"type":1,"id":"1","payload":{}}',
        b'{"type":"x","payload":{}}',
        b"[]",
        b"{",
        b"\xff\xfe",
        b'\xef\xbb\xbf{"type":"x","id":"1","payload":{}}',
        b'{"type":"x","id":"1","payload":NaN}',
        b'{"type":"x","id":"1","payload":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_no_envelope_is_refused(body: bytes) -> None:
    with pytest.raises(EnvelopeError):
        envelope.decode(body)


def test_unknown_events_and_members_are_read() -> None:
    event = envelope.decode(b'{"type":"call.mystery","id":"1","payload":{},"extra":1}')
    assert (event.type, event.payload) == ("call.mystery", envelope.NO_MEMBERS)


@pytest.mark.parametrize("payload", ["null", "[]", '"x"', "7", '{"other":1}', '[{"operationId":"/a/b"}]'])
def test_a_payload_without_members_is_no_defect_of_its_envelope(payload: str) -> None:
    event = envelope.decode(f'{{"payload":{payload},"id":"1","type":"x"}}'.encode())
    assert (event.type, event.id, event.payload) == ("x", "1", envelope.NO_MEMBERS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["operationId", "input", "auth_token", "forwarded_for", "output", "code", "details", "other"])


@given(st.dictionaries(NAMES, JSON) | JSON)
@settings(max_examples=60)
def test_a_payload_has_the_members_that_any_reader_of_json_finds(payload: object) -> None:
    known = {name: value for name, value in payload.items() if value is not None} if isinstance(payload, dict) else {}
    known = {name: value for name, value in known.items() if name in _MEMBERS}
    assert members(payload_of(payload)) == known


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_no_body_raises_anything_but_an_envelope_error(body: bytes) -> None:
    try:
        envelope.decode(body)
    except EnvelopeError:
        pass


def test_an_output_that_is_not_json_is_an_internal_error() -> None:
    with pytest.raises(CallError, match="not JSON"):
        envelope.encode("call.responded", "1", {"output": object()})


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"code": "X", "message": "m", "retryable": True}, "X"),
        ({"code": "X", "message": "m", "retryable": True, "details": None}, "X"),
        ({"code": "X", "message": "m"}, None),
        ({"code": 1, "message": "m", "retryable": True}, None),
        ("X", None),
    ],
)
def test_only_a_valid_error_ends_a_call(payload: object, code: str | None) -> None:
    error = envelope.parse_error(payload_of(payload))
    assert (error and error.code) == code


@pytest.mark.parametrize(
    ("claim", "known"),
    [
        ({"id": "alice", "scopes": ["a"], "resources": {"repo": ["web"]}}, True),
        ({"id": "alice"}, False),
        ({"id": "alice", "scopes": "a", "resources": {}}, False),
        ("alice", False),
        (None, False),
    ],
)
def test_a_malformed_claim_reads_as_absent(claim: object, known: bool) -> None:
    request = envelope.parse_request(payload_of({"operationId": "/a/b", "forwarded_for": claim}))
    assert (request.forwarded_for is not None) is known


@pytest.mark.parametrize(
    ("payload", "operation"),
    [
        ({"operationId": "/a/b"}, "a/b"),
        ({"operationId": "a/b"}, "a/b"),
        ({"operationId": "//a/b"}, "/a/b"),
        ({"operationId": 7}, ""),
        ({}, ""),
        (None, ""),
        ([], ""),
    ],
)
def test_one_leading_slash_is_optional(payload: object, operation: str) -> None:
    assert envelope.parse_request(payload_of(payload)).operation == operation


def test_names_and_tokens_have_a_length_and_claims_too() -> None:
    long = "x" * 2_000_000
    request = envelope.parse_request(
        payload_of(
            {"operationId": long, "auth_token": long, "forwarded_for": {"id": long, "scopes": [], "resources": {}}}
        )
    )
    assert request.operation == "(a name of 2000002 bytes)"
    assert (request.auth_token, request.forwarded_for) == (None, None)


def test_a_token_stays_out_of_the_repr() -> None:
    assert "hunter2" not in repr(envelope.parse_request(payload_of({"operationId": "/a/b", "auth_token": "hunter2"})))


def test_an_input_is_read_up_to_its_limit() -> None:
    assert envelope.read_input(raw({"a": 1}), 100) == {"a": 1}
    with pytest.raises(CallError, match="INVALID_INPUT"):
        envelope.read_input(raw("x" * 100), 100)
    with pytest.raises(CallError, match="INVALID_INPUT"):
        envelope.read_input(msgspec.Raw(b'"\xff"'), 100)


def test_an_id_has_a_length() -> None:
    with pytest.raises(EnvelopeError, match="id"):
        envelope.decode(json.dumps({"type": "x", "id": "i" * 5000, "payload": {}}).encode())


async def outcome_of(pending: PendingCall, body: bytes, *, at_once: bool) -> object:
    """What a call ends with that is told of this body, if it does."""
    if not (at_once and pending.take(body)):
        event = envelope.decode(body)
        if event.type == envelope.RESPONDED and event.id == pending.id:
            await pending.responded(event.payload.output, Charge(ByteBudget(0)), alone=True)
    state = (pending.over, pending.may_go_on, pending.went_on)
    pending.close()
    try:
        return await pending.result(), state
    except CallError as error:
        return str(error), state
    except asyncio.CancelledError:
        return "nothing", state


@pytest.mark.parametrize("kind", ["call.responded", "call.completed"])
@pytest.mark.parametrize("request_id", ["ours", "other"])
@pytest.mark.parametrize(
    "payload",
    [
        b'{"output":{"a":[1,"x"]}}',
        b'{"output":"' + b"x" * 300 + b'"}',
        b'{"output":"\xff"}',
        b'{"output":1,"output":2}',
        b'{"output":' + b"[" * 126 + b"]" * 126 + b"}",
        b'{"output":' + b"[" * 127 + b"]" * 127 + b"}",
        b'{"other":1,"output":null}',
        *(b"{}", b"[]", b"null"),
    ],
)
async def test_an_answer_that_is_read_at_once_is_read_like_any_other(
    payload: bytes, request_id: str, kind: str
) -> None:
    body = b'{"type":"%s","id":"%s","payload":%s}' % (kind.encode(), request_id.encode(), payload)
    at_once, in_steps = [
        await outcome_of(PendingCall("ours", max_output=300), body, at_once=way) for way in (True, False)
    ]
    assert at_once == in_steps


async def test_an_answer_is_not_read_at_once_where_it_is_too_long_or_not_wanted_any_more() -> None:
    body = envelope.encode("call.responded", "ours", {"output": "x" * 100})
    assert not PendingCall("ours", max_output=len(body) - 1).take(body)
    left = PendingCall("ours")
    left.close()
    assert not left.take(body)
    assert PendingCall("ours", max_output=len(body)).take(body)
