"""A raw speaker of `alknet/call`: struct and json, which share nothing with the implementation."""

import asyncio
import contextlib
import json
import struct
from collections.abc import Coroutine
from typing import Any

from node.core.connection import BiStream, Connection
from node.core.errors import StreamError


class RawCaller:
    """Writes and reads envelopes on streams of one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def request(self, request_id: str, payload: Any, *, stream: BiStream | None = None) -> BiStream:
        """Send one `call.requested`, on a fresh stream unless one is given."""
        return await self.send({"type": "call.requested", "id": request_id, "payload": payload}, stream=stream)

    async def send(self, event: Any, *, stream: BiStream | None = None) -> BiStream:
        stream = stream or await self.connection.open_bi()
        await stream.write(frame(event))
        return stream

    async def ask(self, operation: str, value: Any = None, **more: Any) -> Any:
        """One request on a stream of its own; its one answer as (type, payload), then the stream must end."""
        stream = await self.request("req-1", {"operationId": operation, "input": value, **more})
        stream.finish()
        [event] = await read_events(stream)
        assert event["id"] == "req-1"
        return event["type"], event["payload"]


def frame(event: Any) -> bytes:
    body = json.dumps(event, separators=(",", ":")).encode()
    return struct.pack(">I", len(body)) + body


async def read_event(stream: BiStream) -> Any:
    """The next envelope as plain JSON, or None at the end."""
    try:
        (length,) = struct.unpack(">I", await stream.read_exactly(4))
    except EOFError:
        return None
    return json.loads(await stream.read_exactly(length))


async def read_events(stream: BiStream) -> list[Any]:
    """Every envelope up to the end of the stream."""
    events = []
    while (event := await read_event(stream)) is not None:
        events.append(event)
    return events


class RawPeer:
    """A whole raw side of a connection: reads every stream, whoever opened it, and sorts the events by their ids.

    Over a connection of one stream, `only` is that stream and everything goes by it.
    """

    def __init__(self, connection: Connection, only: BiStream | None = None) -> None:
        self._connection = connection
        self._only = only
        self._events: dict[str, asyncio.Queue[tuple[BiStream, Any]]] = {}
        self._requests: asyncio.Queue[tuple[BiStream, Any]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "RawPeer":
        self._run(self._read(self._only) if self._only else self._accept())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def open(self) -> BiStream:
        """A fresh stream, for bytes that need not be events. Nothing reads it but the caller."""
        return await self._connection.open_bi()

    async def send(self, kind: str, request_id: str, payload: Any = None, *, on: BiStream | None = None) -> BiStream:
        """Send one event on a stream of ours: on the one given, else on a fresh one."""
        stream = on or self._only
        if stream is None:
            stream = await self._connection.open_bi()
            self._run(self._read(stream))
        await RawCaller(self._connection).send(
            {"type": kind, "id": request_id, "payload": {} if payload is None else payload}, stream=stream
        )
        return stream

    async def request(
        self, request_id: str, operation: str, value: Any = None, *, on: BiStream | None = None, **more: Any
    ) -> BiStream:
        payload = {"operationId": operation, "input": value, **more}
        return await self.send("call.requested", request_id, payload, on=on)

    async def next(self, request_id: str) -> tuple[str, Any]:
        """The next event about a request of ours, as (type, payload)."""
        _, event = await self.said(request_id)
        return event["type"], event["payload"]

    async def said(self, request_id: str) -> tuple[BiStream, Any]:
        """The same as a whole, and the stream that it came by."""
        async with asyncio.timeout(60):
            return await self._queue(request_id).get()

    async def asked(self) -> tuple[BiStream, Any]:
        """The next request of the other side, and the stream that it came by."""
        async with asyncio.timeout(60):
            return await self._requests.get()

    def unread(self, request_id: str) -> int:
        return self._queue(request_id).qsize()

    async def _accept(self) -> None:
        with contextlib.suppress(StreamError):
            while True:
                self._run(self._read(await self._connection.accept_bi()))

    async def _read(self, stream: BiStream) -> None:
        with contextlib.suppress(StreamError, EOFError):
            while (event := await read_event(stream)) is not None:
                asks = event["type"] == "call.requested"
                (self._requests if asks else self._queue(event["id"])).put_nowait((stream, event))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    def _queue(self, request_id: str) -> "asyncio.Queue[tuple[BiStream, Any]]":
        return self._events.setdefault(request_id, asyncio.Queue())
