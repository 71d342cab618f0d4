"""How a connection ended, and what that means for those who still wait on it."""

from dataclasses import dataclass
from enum import Enum

from node.core.errors import ConnectionClosed, StreamError, StreamTimeout
from node.core.text import printable

MAX_REASON = 256
"""Bytes of a close reason, ours or the peer's, so that a close always fits its packet."""


class EndCause(Enum):
    LOCAL = "local"
    """We closed it, on request or because the peer broke the protocol."""
    REMOTE = "remote"
    IDLE = "idle"
    FAILED = "failed"
    """The engine raised; nothing more can be said to the peer."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The first thing that ended a connection; whatever comes later does not change it.

    `code` and `reason` are those of the close frame. `is_transport` tells a code of RFC 9000 §20.1 (TLS alerts are
    0x100 and up) from one of the application.
    """

    cause: EndCause
    code: int = 0
    reason: str = ""
    is_transport: bool = False

    def closed(self) -> ConnectionClosed:
        return ConnectionClosed(self.code, self.reason)

    def stream_error(self) -> StreamError:
        """A fresh error for one waiter; a shared one would gather the tracebacks of all."""
        return StreamTimeout() if self.cause is EndCause.IDLE else self.closed()


def clip(text: str) -> str:
    """The reason cut to MAX_REASON bytes, never inside a character."""
    return text.encode(errors="replace")[:MAX_REASON].decode(errors="ignore")


def printable_reason(text: str) -> str:
    """A peer's reason made fit for logs and terminals: one line, no control characters, MAX_REASON bytes."""
    return printable(clip(text))
