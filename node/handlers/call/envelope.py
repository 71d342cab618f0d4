"""Events and their payloads: JSON in, typed values out (spec call §2, §3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from node.core.identity import Identity
from node.handlers.call.errors import CallError, ErrorCode

REQUESTED = "call.requested"
RESPONDED = "call.responded"
COMPLETED = "call.completed"
ABORTED = "call.aborted"
ERROR = "call.error"


class EnvelopeError(ValueError):
    """The frame's body is no envelope. Its stream cannot go on; the connection can."""


class Envelope(msgspec.Struct, frozen=True):
    """One event. Unknown members are ignored; all three are required."""

    type: str
    id: str
    payload: Any


class _ErrorPayload(msgspec.Struct, frozen=True):
    code: str
    message: str
    retryable: bool
    details: Any = msgspec.UNSET


_decoder = msgspec.json.Decoder(Envelope)
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Request:
    """A `call.requested` payload, defects smoothed as the spec asks: none of them is an error by itself."""

    operation: str
    input: Any
    auth_token: str | None = None
    forwarded_for: Identity | None = None


def decode(body: bytes | bytearray) -> Envelope:
    """Parse one frame body. Raises EnvelopeError on anything but an envelope, JSON too deep to parse included."""
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EnvelopeError(str(error)) from None


def encode(envelope: Envelope) -> bytes:
    """The compact JSON text. Raises CallError INTERNAL where an output is not JSON."""
    try:
        return _encoder.encode(envelope)
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise CallError(ErrorCode.INTERNAL, "the output is not JSON") from None


def request(operation: str, payload_input: Any, auth_token: str | None = None) -> dict[str, Any]:
    """A `call.requested` payload, the operation with its leading slash (deviation D1)."""
    payload = {"operationId": "/" + operation.removeprefix("/"), "input": payload_input}
    return payload if auth_token is None else payload | {"auth_token": auth_token}


def parse_request(payload: Any) -> Request:
    values = payload if isinstance(payload, Mapping) else {}
    operation, token = values.get("operationId"), values.get("auth_token")
    return Request(
        operation=operation.removeprefix("/") if isinstance(operation, str) else "",
        input=values.get("input"),
        auth_token=token if isinstance(token, str) else None,
        forwarded_for=_claimed_identity(values.get("forwarded_for")),
    )


def output_of(payload: Any) -> Any:
    """A `call.responded` payload's output; a missing one reads as null."""
    return payload.get("output") if isinstance(payload, Mapping) else None


def error_payload(error: CallError) -> Any:
    return _ErrorPayload(error.code, error.message, error.retryable, error.details)


def parse_error(payload: Any) -> CallError | None:
    """The error that a `call.error` carries, or None where it is not a valid one (and must be ignored)."""
    try:
        parsed = msgspec.convert(payload, _ErrorPayload)
    except msgspec.ValidationError:
        return None
    details = msgspec.UNSET if parsed.details is None else parsed.details
    return CallError(parsed.code, parsed.message, retryable=parsed.retryable, details=details)


def _claimed_identity(value: Any) -> Identity | None:
    """The `forwarded_for` claim. Metadata, never authority; malformed reads as absent (spec core §14)."""
    try:
        claim = msgspec.convert(value, _Claim)
    except msgspec.ValidationError:
        return None
    return Identity(claim.id, tuple(claim.scopes), {kind: tuple(names) for kind, names in claim.resources.items()})


class _Claim(msgspec.Struct, frozen=True):
    id: str
    scopes: list[str]
    resources: dict[str, list[str]]
