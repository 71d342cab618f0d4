"""Errors that cross a package boundary (spec core §2, §4, §9)."""

import errno
from collections.abc import Mapping


class StreamError(Exception):
    """A stream or its connection cannot go on. The subclass says which, and so whether others may (spec core §4)."""


class ConnectionClosed(StreamError):
    """The whole connection has ended; `code` and `reason` are the closing side's, where they are known."""

    def __init__(self, code: int = 0, reason: str = "") -> None:
        super().__init__(reason or "connection closed")
        self.code = code
        self.reason = reason


class LastStream(ConnectionClosed):
    """No more streams will come, and those that were given live on: what carries the connection has only the one."""


class StreamClosed(StreamError):
    """This stream was reset, stopped or already finished; the connection and its other streams live on."""

    def __init__(self, code: int | None = None) -> None:
        super().__init__("stream closed" if code is None else f"stream closed by the peer with code {code}")
        self.code = code


class OnlyStream(StreamClosed):
    """No stream can be opened: what carries the connection has only the one, which was given to whoever accepts."""


class StreamTimeout(StreamError):
    """The transport gave the connection up after its idle time-out."""

    def __init__(self) -> None:
        super().__init__("stream timed out")


class StreamFailure(StreamError):
    """The operating system refused; `os_error` says what."""

    def __init__(self, os_error: OSError) -> None:
        super().__init__(str(os_error))
        self.os_error = os_error


class HandlerError(Exception):
    """What a protocol handler raises to end its connection (spec core §2)."""


class HandlerConnectionClosed(HandlerError):
    def __init__(self) -> None:
        super().__init__("connection closed")


class HandlerStreamError(HandlerError):
    def __init__(self, os_error: OSError) -> None:
        super().__init__(f"stream error: {os_error}")
        self.os_error = os_error


class AuthRequired(HandlerError):
    def __init__(self) -> None:
        super().__init__("authentication required")


class HandlerInternal(HandlerError):
    def __init__(self, cause: BaseException) -> None:
        super().__init__(f"internal handler error: {cause}")
        self.cause = cause


def handler_error(error: StreamError) -> HandlerError:
    """Map a stream error to the handler error that ends a connection (the table of spec core §4)."""
    match error:
        case ConnectionClosed():
            return HandlerConnectionClosed()
        case StreamClosed():
            return HandlerStreamError(OSError(errno.ECONNRESET, "stream closed"))
        case StreamTimeout():
            return HandlerStreamError(OSError(errno.ETIMEDOUT, "stream timed out"))
        case StreamFailure(os_error=os_error):
            return HandlerStreamError(os_error)
        case _:
            return HandlerInternal(error)


class StoreError(Exception):
    """A store could not do what it was asked. Open for new kinds (spec core §9)."""


class BackendError(StoreError):
    def __init__(self, message: str) -> None:
        super().__init__(f"backend error: {message}")


class NotFound(StoreError):
    def __init__(self, entity: str) -> None:
        super().__init__(f"not found: {entity}")


class SerializationError(StoreError):
    def __init__(self, message: str) -> None:
        super().__init__(f"serialization error: {message}")


class InvalidFields(ValueError):
    """What was to be written or read is wrong. `errors` maps each wrong field's name to its messages."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(texts)}" for name, texts in errors.items()))
        self.errors = dict(errors)


class DialError(Exception):
    """An outgoing connection could not be made (spec core §11)."""


class TlsConfigError(DialError):
    """Our own credentials or pin are unusable; nothing was sent."""


class ConnectError(DialError):
    """Nothing answered at that address in time."""


NO_APPLICATION_PROTOCOL = 0x178
"""The TLS alert no_application_protocol as a QUIC error (RFC 9001 §4.8, RFC 7301 §3.2)."""


class HandshakeError(DialError):
    """The remote side answered, and the handshake failed. `code` is the QUIC error code where one was given."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class PinMismatch(HandshakeError):
    """The node's key is not the pinned one; refused before our own key was shown."""

    def __init__(self, expected: str, shown: str) -> None:
        super().__init__(f"the node shows {shown}, not the pinned {expected}")
        self.expected = expected
        self.shown = shown
