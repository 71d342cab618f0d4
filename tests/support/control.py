"""A control socket in this process, over a node that is only told of, and raw clients for it."""

import asyncio
import contextlib
import json
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from node.assembly.control import signed_head
from node.control.audit import audit_operations
from node.control.client import ControlClient
from node.control.limits import ControlLimits
from node.control.operations import Json, Sealing, Selection, control_registry
from node.control.scopes import scope_operations
from node.control.server import ControlServer, open_control
from node.core.checkpoint import Checkpoint
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import OperationRegistry
from node.quic.tls.keys import NodeKey

T = TypeVar("T")
BLOB = {"key_version": 2, "salt": "c2FsdA==", "iv": "aXY=", "data": "ZGF0YQ=="}


class Told:
    """The parts of a node that the operations talk to, and what they were asked."""

    def __init__(self) -> None:
        self.live = [{"id": number, "peer": f"peer {number}"} for number in range(1, 6)]
        self.asked: list[Any] = []
        self.facts: Any = None
        """The whole status, in place of the usual one."""
        self.failure: Exception | None = None
        self.key = NodeKey.generate()

    def status(self) -> Json:
        if self.failure is not None:
            raise self.failure
        facts: Json = {"connections": len(self.live)} if self.facts is None else self.facts
        return facts

    def connections(self, after: int, limit: int) -> list[dict[str, Any]]:
        return [one for one in self.live if int(str(one["id"])) > after][:limit]

    def connections_of(self, ids: Iterable[int]) -> list[dict[str, Any]]:
        return [one for one in self.live if one["id"] in set(ids)]

    def disconnect(self, which: Selection, reason: str) -> int:
        self.asked.append((which, reason))
        return 3

    def seal(self, plaintext: str, key_version: int | None) -> Json:
        if self.failure is not None:
            raise self.failure
        self.asked.append((len(plaintext), key_version))
        return BLOB

    def reseal(self, credential: Json, key_version: int) -> Json:
        if self.failure is not None:
            raise self.failure
        self.asked.append((credential, key_version))
        return {**BLOB, "key_version": key_version}

    def sign(self, number: int, digest: str) -> Checkpoint:
        if self.failure is not None:
            raise self.failure
        self.asked.append((number, digest))
        return signed_head(self.key, number, digest)


class Control:
    """A running control socket."""

    def __init__(self, path: Path, told: Told, server: ControlServer) -> None:
        self.path = path
        self.told = told
        self.server = server

    async def call(self, operation: str, value: Any = None, timeout: float = 10.0) -> Any:
        def call() -> Any:
            with ControlClient(self.path, timeout) as client:
                return client.call(operation, value)

        return await asyncio.to_thread(call)

    async def raw(self, work: Callable[[socket.socket], T]) -> T:
        """What `work` gives of a fresh connection, in a thread of its own."""

        def run() -> T:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(60)
                sock.connect(str(self.path))
                return work(sock)

        return await asyncio.to_thread(run)


def registry_of(told: Told) -> OperationRegistry:
    """Everything that the control socket offers, over that node."""
    further = [*audit_operations(told.sign), *scope_operations(())]
    return control_registry(told, Sealing(told.seal, told.reseal), further)


@contextlib.asynccontextmanager
async def control(
    path: Path,
    *,
    limits: ControlLimits | None = None,
    call_limits: CallLimits | None = None,
    told: Told | None = None,
) -> AsyncIterator[Control]:
    told = told or Told()
    async with open_control(path, registry_of(told), limits or ControlLimits(), call_limits or CallLimits()) as server:
        yield Control(path, told, server)


@contextlib.contextmanager
def control_thread(path: Path) -> Iterator[Told]:
    """The same for tests without a loop of their own."""
    ready, over, told = threading.Event(), threading.Event(), Told()

    async def serve() -> None:
        async with control(path, told=told):
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(20)
    try:
        yield told
    finally:
        over.set()
        thread.join()


def frame(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


def request(operation: str, value: Any = None, request_id: str = "1") -> bytes:
    event = {"type": "call.requested", "id": request_id, "payload": {"operationId": f"/{operation}", "input": value}}
    return frame(json.dumps(event).encode())


def read_all(sock: socket.socket) -> bytes:
    """Everything up to the end, or to a break."""
    received = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while part := sock.recv(65_536):
            received += part
    return bytes(received)


def read_events(sock: socket.socket) -> list[Any]:
    """Every envelope up to the end."""
    text, events = read_all(sock), []
    while text:
        (length,) = struct.unpack_from(">I", text)
        events.append(json.loads(text[4 : 4 + length]))
        text = text[4 + length :]
    return events
