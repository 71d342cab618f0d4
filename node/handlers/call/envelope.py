"""Events and their payloads: JSON in, typed values out (spec call §2, §3)."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from node.core.identity import Identity
from node.handlers.call.errors import CallError, ErrorCode
from node.handlers.call.nesting import AROUND, MAX_NESTING, is_deeper, too_deep

REQUESTED = "call.requested"
RESPONDED = "call.responded"
COMPLETED = "call.completed"
ABORTED = "call.aborted"
ERROR = "call.error"


MAX_ID = 4096
MAX_OPERATION = 1024
MAX_TOKEN = 4096
MAX_CLAIM = 1024 * 1024
"""Longest id (in characters), operation name, token and forwarded identity (in bytes of JSON text) that are read."""

_NULL = msgspec.Raw(b"null")


class EnvelopeError(ValueError):
    """The frame's body is no envelope. Its stream cannot go on; the connection can."""


class Payload(msgspec.Struct, frozen=True):
    """The members that the payload of any event can have, each checked to be JSON and left as text.

    What they mean, and what they may cost, depends on the event. They are found as the envelope is read: to look for
    them afterwards would be to go once more through what may be the whole of a frame.
    """

    operation: msgspec.Raw = msgspec.field(name="operationId", default=_NULL)
    input: msgspec.Raw = _NULL
    auth_token: msgspec.Raw = _NULL
    forwarded_for: msgspec.Raw = _NULL
    output: msgspec.Raw = _NULL
    code: msgspec.Raw = _NULL
    message: msgspec.Raw = _NULL
    retryable: msgspec.Raw = _NULL
    details: msgspec.Raw = _NULL


NO_MEMBERS = Payload()
"""Also that of a payload that is no object, which no event minds by itself."""


class Envelope(msgspec.Struct, frozen=True):
    """One event as it was read. Unknown members are ignored; all three are required."""

    type: str
    id: str
    payload: Payload


class _Loose(msgspec.Struct, frozen=True):
    """An event whose payload may be anything."""

    type: str
    id: str
    payload: msgspec.Raw


class _Output(msgspec.Struct, frozen=True):
    output: Any = None


class Answer(msgspec.Struct, frozen=True):
    """An event taken for a `call.responded`, its output read with it."""

    type: str
    id: str
    payload: _Output


class _Event(msgspec.Struct, frozen=True):
    """One event as it is written."""

    type: str
    id: str
    payload: Any


class _ErrorPayload(msgspec.Struct, frozen=True):
    code: str
    message: str
    retryable: bool
    details: Any = msgspec.UNSET


class _Claim(msgspec.Struct, frozen=True):
    id: str
    scopes: list[str]
    resources: dict[str, list[str]]


_decoder = msgspec.json.Decoder(Envelope)
_loose_decoder = msgspec.json.Decoder(_Loose)
_answer_decoder = msgspec.json.Decoder(Answer)
_encoder = msgspec.json.Encoder()
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(slots=True)  # frozen ones take several times as long to make
class Request:
    """A `call.requested` payload, defects smoothed as the spec asks: none of them is an error by itself.

    `input` is JSON text until somebody who may have it read asks for it (`read_input`).
    """

    operation: str
    input: msgspec.Raw = field(repr=False)
    auth_token: str | None = field(default=None, repr=False)
    forwarded_for: Identity | None = None


def decode(body: bytes) -> Envelope:
    """Parse one frame body. Raises EnvelopeError on anything but an envelope, JSON too deep to parse included."""
    try:
        event = _decoder.decode(body)
    except _UNREADABLE:
        event = _decode_loosely(body)
    if len(event.id) > MAX_ID:
        raise EnvelopeError(f"an id of more than {MAX_ID} characters")
    return event


def _decode_loosely(body: bytes) -> Envelope:
    try:
        event = _loose_decoder.decode(body)
    except _UNREADABLE as error:
        raise EnvelopeError(str(error)) from None
    return Envelope(event.type, event.id, NO_MEMBERS)


def encode(kind: str, request_id: str, payload: Any) -> bytes:
    """The compact JSON text of one event. Raises CallError INTERNAL where the payload is not JSON, or too deep."""
    try:
        text = _encoder.encode(_Event(kind, request_id, payload))
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise CallError(ErrorCode.INTERNAL, f"the {_carried(kind)} is not JSON") from None
    if is_deeper(text, MAX_NESTING):
        raise CallError(ErrorCode.INTERNAL, too_deep(MAX_NESTING))
    return text


def _carried(kind: str) -> str:
    """What of ours an event carries."""
    return "input" if kind == REQUESTED else "output"


def request(
    operation: str, value: Any, auth_token: str | None = None, forwarded_for: Identity | None = None
) -> dict[str, Any]:
    """A `call.requested` payload, the operation with its leading slash (deviation D1)."""
    payload: dict[str, Any] = {"operationId": "/" + operation.removeprefix("/"), "input": value}
    if auth_token is not None:
        payload["auth_token"] = auth_token
    if forwarded_for is not None:
        payload["forwarded_for"] = forwarded_for.to_json()
    return payload


def parse_request(payload: Payload) -> Request:
    """What a request asks for. Its input is not looked at."""
    return Request(
        operation=_operation(payload.operation),
        input=payload.input,
        auth_token=_short_text(payload.auth_token, MAX_TOKEN),
        forwarded_for=claimed_identity(payload.forwarded_for),
    )


def read_input(text: msgspec.Raw, limit: int, nesting: int = MAX_NESTING) -> Any:
    """The JSON value of an input. Raises CallError INVALID_INPUT above `limit` bytes of text or `nesting` levels.

    The levels are those of the whole frame.
    """
    if len(text) > limit:
        raise CallError(ErrorCode.INVALID_INPUT, f"the input has {len(text)} bytes; {limit} are taken")
    if is_deeper(bytes(text), nesting - AROUND):
        raise CallError(ErrorCode.INVALID_INPUT, too_deep(nesting))
    try:
        return msgspec.json.decode(text)
    except _UNREADABLE:
        raise CallError(ErrorCode.INVALID_INPUT, "the input is not JSON") from None


def read_answer(body: bytes, request_id: str) -> Answer | None:
    """The answer to this request out of a frame's body, in one go; None where it is anything else, or odd.

    For whoever may have the output read, and knows whose it must be: `decode` goes through it only to find its end.
    """
    if is_deeper(body, MAX_NESTING):
        return None
    try:
        answer = _answer_decoder.decode(body)
    except _UNREADABLE:
        return None
    return answer if answer.type == RESPONDED and answer.id == request_id else None


def read_output(text: msgspec.Raw) -> Any:
    """The JSON value of a `call.responded` payload's output; one that cannot be read is null, like a missing one.

    Raises CallError INTERNAL where it is nested deeper than a frame may be.
    """
    if is_deeper(bytes(text), MAX_NESTING - AROUND):
        raise CallError(ErrorCode.INTERNAL, too_deep(MAX_NESTING))
    try:
        return msgspec.json.decode(text)
    except _UNREADABLE:
        return None


def error_payload(error: CallError) -> Any:
    return _ErrorPayload(error.code, error.message, error.retryable, error.details)


def parse_error(payload: Payload) -> CallError | None:
    """The error that a `call.error` carries, or None where it is not a valid one (and must be ignored)."""
    try:
        code, message = (msgspec.json.decode(text, type=str) for text in (payload.code, payload.message))
        retryable = msgspec.json.decode(payload.retryable, type=bool)
        details = msgspec.json.decode(payload.details)
    except _UNREADABLE:
        return None
    return CallError(code, message, retryable=retryable, details=msgspec.UNSET if details is None else details)


def _operation(text: msgspec.Raw) -> str:
    """A name without its one optional leading slash; of one that is too long for any operation, only its length."""
    if len(text) > MAX_OPERATION:
        return f"(a name of {len(text)} bytes)"
    return (_short_text(text, MAX_OPERATION) or "").removeprefix("/")


def _short_text(text: msgspec.Raw, limit: int) -> str | None:
    """A JSON string of at most `limit` bytes; None for anything else."""
    if text is _NULL or len(text) > limit:
        return None
    try:
        return msgspec.json.decode(text, type=str)
    except _UNREADABLE:
        return None


def claimed_identity(text: msgspec.Raw) -> Identity | None:
    """The `forwarded_for` claim. Metadata, never authority; malformed reads as absent (spec core §14)."""
    if text is _NULL or len(text) > MAX_CLAIM:
        return None
    try:
        claim = msgspec.json.decode(text, type=_Claim)
    except _UNREADABLE:
        return None
    return Identity(claim.id, tuple(claim.scopes), {kind: tuple(names) for kind, names in claim.resources.items()})
