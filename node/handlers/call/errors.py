"""What a call can fail with (spec call §14)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec


class ErrorCode(StrEnum):
    """The six codes of the protocol itself; an operation may declare more."""

    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    INVALID_INPUT = "INVALID_INPUT"
    INVALID_OPERATION_TYPE = "INVALID_OPERATION_TYPE"
    INTERNAL = "INTERNAL"
    TIMEOUT = "TIMEOUT"


PROTOCOL_CODES = frozenset(ErrorCode)


class CallError(Exception):
    """A call's terminal error, the same on both sides of the wire. `details` is UNSET where there are none."""

    def __init__(self, code: str, message: str, *, retryable: bool = False, details: Any = msgspec.UNSET) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable
        self.details = details


@dataclass(frozen=True, slots=True)
class DeclaredError:
    """An error that an operation may end with beside the protocol's own, and that callers can act on by its code.

    `schema` is that of its details; `http_status` what a gateway to HTTP may answer with.
    """

    code: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    http_status: int | None = None

    def error(self, message: str, details: Any = msgspec.UNSET, *, retryable: bool = False) -> CallError:
        """What a handler raises."""
        return CallError(self.code, message, retryable=retryable, details=details)

    def to_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "description": self.description,
            "schema": dict(self.schema),
            "http_status": self.http_status,
        }


class RegistrationError(RuntimeError):
    """An operation cannot be registered: a mistake in the code that has it, found at start and told in a sentence."""


def not_found(name: str) -> CallError:
    """The one answer for what does not exist and for what must not be seen to exist."""
    return CallError(ErrorCode.NOT_FOUND, f"operation not found: {name}")


def timed_out() -> CallError:
    return CallError(ErrorCode.TIMEOUT, "request timed out", retryable=True)


def too_many() -> CallError:
    return CallError(ErrorCode.INTERNAL, "too many requests at once", retryable=True)


def no_room() -> CallError:
    return CallError(ErrorCode.INTERNAL, "the peer has no room for the request", retryable=True)


def internal(message: str) -> CallError:
    return CallError(ErrorCode.INTERNAL, message)


def forbidden(message: str) -> CallError:
    """`message` is the access check's, in the words of the spec."""
    return CallError(ErrorCode.FORBIDDEN, message)


def invalid_input(message: str) -> CallError:
    """`message` names the place of what is wrong, and never the value."""
    return CallError(ErrorCode.INVALID_INPUT, message)


def undeclared(error: CallError) -> CallError:
    """What a caller gets instead of a code that the operation did not announce (deviation D13)."""
    return CallError(ErrorCode.INTERNAL, "the operation ended with an undeclared error", details={"code": error.code})
