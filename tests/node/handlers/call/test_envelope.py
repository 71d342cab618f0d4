"""Envelopes of the call protocol: which bodies are one, and what is read of their payloads."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.handlers.call import envelope
from node.handlers.call.envelope import EnvelopeError
from node.handlers.call.errors import CallError
from tests.support.call_payloads import members

_MEMBERS = {field.encode_name for field in msgspec.structs.fields(envelope.Payload)}


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def payload_of(value: object) -> envelope.Payload:
    return envelope.decode(json.dumps({"type": "x", "id": "1", "payload": value}).encode()).payload


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
