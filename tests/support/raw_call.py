"""A raw speaker of `alknet/call`: sixty lines of struct and json that share nothing with the implementation."""

import json
import struct
from typing import Any

from node.core.connection import BiStream, Connection


class RawCaller:
    """Writes and reads envelopes on streams of one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def request(self, request_id: str, payload: Any, *, stream: BiStream | None = None) -> BiStream:
        """Send one `call.requested`, on a fresh stream unless one is given."""
        return await self.send({"type": "call.requested", "id": request_id, "payload": payload}, stream=stream)

    async def send(self, event: Any, *, stream: BiStream | None = None) -> BiStream:
        stream = stream or await self.connection.open_bi()
        body = json.dumps(event, separators=(",", ":")).encode()
        await stream.write(struct.pack(">I", len(body)) + body)
        return stream

    async def ask(self, operation: str, value: Any = None, **more: Any) -> Any:
        """One request on a stream of its own; its one answer as (type, payload), then the stream must end."""
        stream = await self.request("req-1", {"operationId": operation, "input": value, **more})
        stream.finish()
        [event] = await read_events(stream)
        assert event["id"] == "req-1"
        return event["type"], event["payload"]


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
