"""What a call can fail with (spec call §14)."""

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


class CallError(Exception):
    """A call's terminal error, the same on both sides of the wire. `details` is UNSET where there are none."""

    def __init__(self, code: str, message: str, *, retryable: bool = False, details: Any = msgspec.UNSET) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable
        self.details = details


def not_found(name: str) -> CallError:
    """The one answer for what does not exist and for what must not be seen to exist."""
    return CallError(ErrorCode.NOT_FOUND, f"operation not found: {name}")


def timed_out() -> CallError:
    return CallError(ErrorCode.TIMEOUT, "request timed out", retryable=True)


def internal(message: str) -> CallError:
    return CallError(ErrorCode.INTERNAL, message)
