"""What two ends of one call connection say to each other, written down as they say it, and held to the rules.

It is read by a parser of its own, which shares nothing with the implementation (spec call §5–§7).
"""

import json
import re
import struct
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from node.core.connection import BiStream

_BEGINNING = re.compile(rb'.{4}\{"type":"([^"]*)","id":"([^"]*)"', re.DOTALL)


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """One frame, when a side had begun to write it or had read it whole."""

    side: int
    reads: bool
    type: str
    id: str
    operation: str


class CallLog:
    """The frames of one connection in the order of events, whichever stream they took; `streams` are all of them."""

    def __init__(self, subscriptions: Collection[str]) -> None:
        """`subscriptions` are the names, below `op/`, of the operations that are subscriptions."""
        self.said: list[Said] = []
        self.streams: list[TappedStream] = []
        self._subscriptions = subscriptions
        self._operations: dict[str, str] = {}

    def tap(self, stream: BiStream, side: int) -> "TappedStream":
        self.streams.append(TappedStream(stream, self, side))
        return self.streams[-1]

    def note(self, side: int, kind: str, request_id: str, *, reads: bool) -> Said:
        self.said.append(Said(side, reads, kind, request_id, self._operations.get(request_id, "")))
        return self.said[-1]

    def knows(self, event: Any) -> None:
        """Remember what a request asks for."""
        if event["type"] == "call.requested":
            self._operations[event["id"]] = event["payload"]["operationId"].removeprefix("/op/")

    def hold_to_the_rules(self) -> None:
        """Raises AssertionError where a side said what it must not: anything at all after a terminal event."""
        over: dict[tuple[int, str], str] = {}
        requested = Counter((said.side, said.id) for said in self.said if _asks(said) and not said.reads)
        assert set(requested.values()) <= {1}
        for said in self.said:
            key = (said.side, said.id)
            if not said.reads:
                assert key not in over, f"{said} after {over[key]}"
            elif _asks(said):
                over.pop(key, None)  # an abort by another stream came before it, and named nothing then
            if self._is_terminal(said):
                over.setdefault(key, said.type)

    def unended(self) -> set[str]:
        """The ids of the requests of which a side had read, and then neither said nor heard an end."""
        asked = {(said.side, said.id) for said in self.said if _asks(said) and said.reads}
        return {request_id for _, request_id in asked - {(s.side, s.id) for s in self.said if self._is_terminal(s)}}

    def _is_terminal(self, said: Said) -> bool:
        """Whether this ends its request for the side that wrote or read it.

        A caller that gives a request up at the moment at which its output comes cannot know whether more will follow.
        """
        subscribes = said.operation in self._subscriptions
        if said.type == "call.completed":
            assert subscribes, said
        if said.type == "call.responded":
            return not said.reads and not subscribes
        return said.type in ("call.completed", "call.error", "call.aborted")


def _asks(said: Said) -> bool:
    return said.type == "call.requested"


class TappedStream(BiStream):
    """A stream whose frames are told to the log, both ways."""

    def __init__(self, inner: BiStream, log: CallLog, side: int) -> None:
        self._inner, self._log, self._side = inner, log, side
        self._seen = bytearray()
        self._of_this_frame = 0
        """Bytes of the frame that is being written that are still to come."""

    async def read(self, limit: int = 65_536) -> bytes:
        data = await self._inner.read(limit)
        self._read(data)
        return data

    async def write(self, data: bytes) -> None:
        if self._of_this_frame:
            self._of_this_frame -= len(data)
            return await self._inner.write(data)
        said = self._begun(data)
        try:
            return await self._inner.write(data)
        except BaseException:
            self._log.said.remove(said)  # nothing of it went out, or the stream is broken
            raise

    def finish(self) -> None:
        self._inner.finish()

    def reset(self, code: int = 0) -> None:
        self._inner.reset(code)

    def _begun(self, data: bytes) -> Said:
        (length,) = struct.unpack(">I", data[:4])
        self._of_this_frame = 4 + length - len(data)
        found = _BEGINNING.match(data)
        assert found is not None, data[:100]
        kind, request_id = (part.decode() for part in found.groups())
        if kind == "call.requested":
            self._log.knows(json.loads(data[4:]))
        return self._log.note(self._side, kind, request_id, reads=False)

    def _read(self, data: bytes) -> None:
        seen = self._seen
        seen += data
        while len(seen) >= 4 and len(seen) >= 4 + (length := struct.unpack(">I", seen[:4])[0]):
            body = bytes(seen[4 : 4 + length])
            del seen[: 4 + length]
            if isinstance(event := json.loads(body), dict):
                self._log.knows(event)
                self._log.note(self._side, event["type"], event["id"], reads=True)


class TappedSource:
    """A transport of many streams, each of which is tapped, those of `open_foreign` excepted."""

    def __init__(self, inner: Any, log: CallLog, side: int) -> None:
        self.inner, self._log, self._side = inner, log, side
        self.foreign: list[BiStream] = []

    async def accept_bi(self) -> BiStream:
        return self._log.tap(await self.inner.accept_bi(), self._side)

    async def open_bi(self) -> BiStream:
        return self._log.tap(await self.inner.open_bi(), self._side)

    async def open_foreign(self) -> BiStream:
        """A stream of this side of which its connection knows nothing."""
        self.foreign.append(await self.inner.open_bi())
        return self.foreign[-1]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)
