"""A client of the control socket for programs without asyncio: the panel, and the command line.

    with ControlClient(paths.control_socket) as node:
        status = node.call("node/status")

Secrets given to `call` go nowhere but into the socket: no error here, and no repr, holds an input.
"""

import socket
import struct
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from node.core import current
from node.handlers.call import envelope as events
from node.handlers.call.envelope import Envelope, EnvelopeError
from node.handlers.call.errors import CallError
from node.local_socket import ForeignServer, connect

MAX_ANSWER = 16 * 1024 * 1024
"""Longest answer that is read, in bytes."""
_PREFIX = struct.Struct(">I")
_CHUNK = 65_536


class ControlError(Exception):
    """The node did not do what it was asked."""


class NodeUnreachable(ControlError):
    """No answer: the node does not run, is too busy, or broke off. Nothing is known of what became of the request."""


class ControlRefused(ControlError):
    """The node answered with an error. `code` is one of docs/control.md, such as VAULT_LOCKED and INVALID_INPUT."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class ControlClient:
    """One connection, made at the first call, and made anew after a failure. One thread at a time."""

    def __init__(self, path: Path, timeout: float = 10.0) -> None:
        """`timeout` in seconds bounds each call as a whole, the connecting included."""
        self._path = path
        self._timeout = timeout
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Harmless when repeated; the next call connects again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def call(self, operation: str, value: Any = None) -> Any:
        """The output of one operation. Raises NodeUnreachable and ControlRefused."""
        # What the node logs of it is then found by the id of the request of the panel that asked.
        request_id = current.request.get() or str(uuid.uuid4())
        try:
            body = events.encode(events.REQUESTED, request_id, events.request(operation, value))
        except CallError:
            raise ControlRefused("INVALID_INPUT", "the input is not JSON") from None
        deadline = time.monotonic() + self._timeout
        try:
            return self._exchange(body, request_id, deadline)
        except TimeoutError:
            self.close()
            raise NodeUnreachable(f"the node did not answer within {self._timeout:g} s") from None
        except OSError as error:
            self.close()
            raise NodeUnreachable(f"the connection to the node broke: {error.strerror or 'no reason given'}") from None
        except NodeUnreachable:
            self.close()
            raise

    def _exchange(self, body: bytes, request_id: str, deadline: float) -> Any:
        if self._socket is not None and _is_over(self._socket):
            self.close()  # the node closes what is idle for long
        sock = self._socket = self._socket or self._connect(deadline)
        _send(sock, _PREFIX.pack(len(body)) + body, deadline)
        while True:
            event = _read_event(sock, deadline)
            if event.id == request_id:
                return _output(event)

    def _connect(self, deadline: float) -> socket.socket:
        try:
            return connect(self._path, _left(deadline))
        except ForeignServer as error:
            raise NodeUnreachable(str(error)) from None
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            raise NodeUnreachable("the node does not run: alknet up starts it") from None
        except BlockingIOError:
            raise NodeUnreachable("the node is too busy to answer") from None
        except TimeoutError:
            raise
        except OSError as error:
            raise NodeUnreachable(f"{self._path} cannot be reached: {error.strerror or 'no reason given'}") from None


def _is_over(sock: socket.socket) -> bool:
    """Whether the node has closed a connection on which nothing is under way."""
    sock.settimeout(0.0)  # Python waits out any other time-out itself, whatever the flags say
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False


def _send(sock: socket.socket, data: bytes, deadline: float) -> None:
    view = memoryview(data)
    while view:
        sock.settimeout(_left(deadline))
        view = view[sock.send(view[:_CHUNK]) :]


def _read_event(sock: socket.socket, deadline: float) -> Envelope:
    length: int = _PREFIX.unpack(_take(sock, _PREFIX.size, deadline))[0]
    if not 0 < length <= MAX_ANSWER:
        raise NodeUnreachable(f"the node's answer has {length} bytes; {MAX_ANSWER} are read")
    try:
        return events.decode(_take(sock, length, deadline))
    except EnvelopeError:
        raise NodeUnreachable("the node's answer cannot be read") from None


def _take(sock: socket.socket, count: int, deadline: float) -> bytes:
    """Exactly `count` bytes, held as they come."""
    received = bytearray()
    while len(received) < count:
        sock.settimeout(_left(deadline))
        part = sock.recv(min(count - len(received), _CHUNK))
        if not part:
            raise NodeUnreachable("the node closed the connection")
        received += part
    return bytes(received)


def _output(event: Envelope) -> Any:
    if event.type == events.RESPONDED:
        return events.read_output(event.payload.output)
    error = events.parse_error(event.payload) if event.type == events.ERROR else None
    if error is None:
        raise NodeUnreachable("the node's answer cannot be read")
    raise ControlRefused(error.code, error.message)


def _left(deadline: float) -> float:
    """Seconds until then. Raises TimeoutError once there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
