"""Frames against the vectors of spec call §15, cut and merged at every byte."""

import asyncio
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.handlers.call import envelope
from node.handlers.call.envelope import Envelope, EnvelopeError
from node.handlers.call.errors import CallError
from node.handlers.call.frames import ByteBudget, FrameError, encode_frame, read_frame
from node.handlers.call.limits import MAX_FRAME, CallLimits
from tests.support.streams import MemoryStream, stream_pair

LIMITS = CallLimits()
VECTORS = {
    "V1": (
        "0000006d",
        '{"type":"call.requested","id":"req-1","payload":{"input":{"path":"/etc/hosts"},"operationId":"/fs/readFile"}}',
    ),
    "V2": (
        "000000b6",
        '{"type":"call.requested","id":"req-2","payload":{"auth_token":"alk_test","forwarded_for":{"id":"alice",'
        '"resources":{},"scopes":["fs:read"]},"input":{},"operationId":"/docker/start"}}',
    ),
    "V3": ("00000048", '{"type":"call.responded","id":"req-1","payload":{"output":{"msg":"hi"}}}'),
    "V4": ("0000003e", '{"type":"call.responded","id":"one","payload":{"output":null}}'),
    "V5": ("00000033", '{"type":"call.completed","id":"sub-1","payload":{}}'),
    "V6": ("00000031", '{"type":"call.aborted","id":"req-9","payload":{}}'),
    "V7": (
        "0000007f",
        '{"type":"call.error","id":"req-3","payload":{"code":"NOT_FOUND","message":"operation not found: fs/missing",'
        '"retryable":false}}',
    ),
    "V8": (
        "00000097",
        '{"type":"call.error","id":"req-4","payload":{"code":"FILE_NOT_FOUND","message":"file not found: /etc/x",'
        '"retryable":false,"details":{"path":"/etc/x"}}}',
    ),
    "V9": (
        "0000006e",
        '{"type":"call.error","id":"req-5","payload":{"code":"TIMEOUT","message":"request timed out",'
        '"retryable":true}}',
    ),
    "V10": (
        "00000077",
        '{"type":"call.error","id":"req-6","payload":{"code":"FORBIDDEN","message":"authentication required",'
        '"retryable":false}}',
    ),
}
WIRE = {name: bytes.fromhex(prefix) + body.encode() for name, (prefix, body) in VECTORS.items()}


async def frames_of(reader: MemoryStream) -> list[bytes]:
    budget, found = ByteBudget(LIMITS.max_buffered), []
    while (body := await read_frame(reader, budget, LIMITS)) is not None:
        found.append(body)
    return found


async def read_all(*chunks: bytes) -> list[bytes]:
    ours, theirs = stream_pair()
    for chunk in chunks:
        await theirs.write(chunk)
    theirs.finish()
    return await frames_of(ours)


@pytest.mark.parametrize("name", VECTORS)
async def test_a_vector_is_read(name: str) -> None:
    [body] = await read_all(WIRE[name])
    event, expected = envelope.decode(body), json.loads(VECTORS[name][1])
    assert {"type": event.type, "id": event.id, "payload": event.payload} == expected


@pytest.mark.parametrize("name", VECTORS)
def test_a_vector_is_written(name: str) -> None:
    expected = json.loads(VECTORS[name][1])
    frame = encode_frame(envelope.encode(Envelope(**expected)))
    assert frame[:4].hex() == VECTORS[name][0]
    assert json.loads(frame[4:]) == expected


@pytest.mark.parametrize("cut", range(len(WIRE["V1"])))
async def test_a_frame_cut_anywhere_reads_as_a_closed_stream(cut: int) -> None:
    assert await read_all(WIRE["V1"][:cut]) == []


@given(st.lists(st.integers(0, 180), max_size=12))
@settings(deadline=None, max_examples=50)
async def test_any_cutting_of_the_bytes_gives_the_same_frames(cuts: list[int]) -> None:
    wire = WIRE["V3"] + WIRE["V5"] + WIRE["V6"]
    edges = [0, *sorted(cuts), len(wire)]
    chunks = [wire[start:end] for start, end in itertools.pairwise(edges)]
    assert await read_all(*chunks) == [WIRE[name][4:] for name in ("V3", "V5", "V6")]


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


async def test_a_stalled_frame_is_given_up() -> None:
    ours, theirs = stream_pair()
    await theirs.write(WIRE["V1"][:20])
    with pytest.raises(FrameError, match="stalled"):
        await read_frame(ours, ByteBudget(1 << 20), CallLimits(stall_timeout=0.02))


async def test_half_read_frames_wait_for_the_budget() -> None:
    budget = ByteBudget(100)
    taken = await budget.take(80)
    waiting = asyncio.create_task(budget.take(1000))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await budget.give_back(taken)
    assert await waiting == 100


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
    assert (event.type, event.payload) == ("call.mystery", {})


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_no_body_raises_anything_but_an_envelope_error(body: bytes) -> None:
    try:
        envelope.decode(body)
    except EnvelopeError:
        pass


def test_an_output_that_is_not_json_is_an_internal_error() -> None:
    with pytest.raises(CallError, match="not JSON"):
        envelope.encode(Envelope("call.responded", "1", {"output": object()}))


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
    error = envelope.parse_error(payload)
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
    request = envelope.parse_request({"operationId": "/a/b", "forwarded_for": claim})
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
    assert envelope.parse_request(payload).operation == operation
