"""Two call connections in one loop, wired together in memory, with every frame between them written down.

What is said on the wire is read by a parser of its own, and held to the rules of spec call §5–§7 afterwards.
"""

import asyncio
import contextlib
import json
import struct
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

from node.core.connection import BiStream, Connection
from node.core.errors import ConnectionClosed
from node.core.identity import AuthContext
from node.handlers.call.budget import Allowances
from node.handlers.call.connection import CallConnection
from node.handlers.call.discovery import register_discovery
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.errors import CallError
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry, OperationType
from tests.support.streams import MemorySource, stream_pair

ALPN = b"alknet/call"
LIMITS = CallLimits(max_in_flight=4, max_subscriptions=3, max_unread_items=4)
SUBSCRIPTIONS = ("count", "endless", "quiet", "broken", "stubborn")
QUERIES = ("echo", "gate", "fail", "back", "deaf")


class Said(NamedTuple):
    """One frame, when a side had written it or had read it."""

    side: int
    reads: bool
    type: str
    id: str
    operation: str


class TappedStream(BiStream):
    """A stream whose frames are told to the world, both ways."""

    def __init__(self, inner: BiStream, world: "World", side: int) -> None:
        self._inner, self._world, self._side = inner, world, side
        self._seen = {False: bytearray(), True: bytearray()}

    async def read(self, limit: int = 65_536) -> bytes:
        data = await self._inner.read(limit)
        self._note(data, reads=True)
        return data

    async def write(self, data: bytes) -> None:
        await self._inner.write(data)
        self._note(data, reads=False)

    def finish(self) -> None:
        self._inner.finish()

    def reset(self, code: int = 0) -> None:
        self._inner.reset(code)

    def _note(self, data: bytes, *, reads: bool) -> None:
        seen = self._seen[reads]
        seen += data
        while len(seen) >= 4 and len(seen) >= 4 + (length := struct.unpack(">I", seen[:4])[0]):
            body = bytes(seen[4 : 4 + length])
            del seen[: 4 + length]
            if isinstance(event := json.loads(body), dict):
                self._world.note(self._side, event, reads=reads)


class TappedSource(MemorySource):
    """One end of a connection of many streams."""

    def __init__(self, world: "World", side: int) -> None:
        super().__init__()
        self._world, self._side = world, side

    async def accept_bi(self) -> BiStream:
        return self._world.tap(await super().accept_bi(), self._side)

    async def open_foreign(self) -> BiStream:
        """A stream of this side of which its connection knows nothing."""
        return await super().open_bi()

    async def open_bi(self) -> BiStream:  # type: ignore[override]  # tapped
        return self._world.tap(await super().open_bi(), self._side)


class Side:
    """One end: its operations, and the count of handlers that have not ended."""

    def __init__(self, world: "World", connection: Connection) -> None:
        self.world, self.connection, self.running = world, connection, 0
        registry = OperationRegistry()
        register_discovery(registry)
        for name in (*SUBSCRIPTIONS, *QUERIES):
            kind = OperationType.SUBSCRIPTION if name in SUBSCRIPTIONS else OperationType.QUERY
            registry.register(Operation(f"op/{name}", getattr(self, name), kind))
        self.allowance = Allowances(LIMITS).of_peer()
        dispatcher = Dispatcher(registry, lambda *_: None, LIMITS)
        self.calls = CallConnection(connection, AuthContext.anonymous(ALPN), dispatcher, LIMITS, self.allowance)

    @contextlib.contextmanager
    def _counted(self) -> Any:
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1

    async def echo(self, value: Any, _: OperationContext) -> Any:
        return value

    async def gate(self, value: Any, _: OperationContext) -> Any:
        with self._counted():
            await self.world.gate.wait()
        return value

    async def fail(self, _: Any, __: OperationContext) -> Any:
        raise CallError("INTERNAL", "no")

    async def back(self, value: Any, _: OperationContext) -> Any:
        with self._counted():
            return await self.calls.call("op/gate", value)

    async def deaf(self, value: Any, _: OperationContext) -> Any:
        """Does not take a cancellation for an answer."""
        with self._counted(), contextlib.suppress(asyncio.CancelledError):
            await self.world.gate.wait()
        return value

    async def count(self, _: Any, __: OperationContext) -> AsyncIterator[int]:
        with self._counted():
            for number in range(6):
                yield number
                await asyncio.sleep(0)

    async def endless(self, _: Any, __: OperationContext) -> AsyncIterator[int]:
        with self._counted():
            while True:
                yield 0
                await asyncio.sleep(0)

    async def quiet(self, _: Any, __: OperationContext) -> AsyncIterator[int]:
        with self._counted():
            yield 0
            await self.world.gate.wait()

    async def broken(self, _: Any, __: OperationContext) -> AsyncIterator[int]:
        with self._counted():
            yield 0
            raise CallError("INTERNAL", "boom")

    async def stubborn(self, _: Any, __: OperationContext) -> AsyncIterator[int]:
        """Yields on after a cancellation."""
        with self._counted():
            while not self.world.gate.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await self.world.gate.wait()
                yield 0

    @property
    def left(self) -> tuple[int, ...]:
        """What there must be none of once nothing is asked: handlers, entries of tables, slots and bytes taken."""
        inbound = self.calls._inbound
        slots_taken = LIMITS.max_in_flight - inbound._slots._value
        tables = len(inbound) + len(self.calls._pending)
        return (self.running, tables, slots_taken, inbound._subscriptions, self.allowance.budget.used)


class World:
    """Both sides, what was said between them, and how each request of theirs ended."""

    def __init__(self, *, one_stream: bool) -> None:
        self.gate = asyncio.Event()
        self.said: list[Said] = []
        self.streams: list[TappedStream] = []
        self._operations: dict[str, str] = {}
        self.sources: list[TappedSource] = []
        if one_stream:
            connections = [Connection.from_bidi(self.tap(end, side), ALPN) for side, end in enumerate(stream_pair())]
        else:
            one, other = self.sources = [TappedSource(self, 0), TappedSource(self, 1)]
            one.peer, other.peer = other, one
            connections = [Connection(source, ALPN) for source in self.sources]
        self.sides = [Side(self, connection) for connection in connections]
        self.asked: list[asyncio.Task[str]] = []

    def tap(self, stream: BiStream, side: int) -> TappedStream:
        self.streams.append(TappedStream(stream, self, side))
        return self.streams[-1]

    def note(self, side: int, event: Any, *, reads: bool) -> None:
        if event["type"] == "call.requested":
            self._operations[event["id"]] = event["payload"]["operationId"].removeprefix("/op/")
        self.said.append(Said(side, reads, event["type"], event["id"], self._operations.get(event["id"], "")))

    def call(self, side: int, operation: str) -> None:
        calls = self.sides[side].calls
        self.asked.append(asyncio.create_task(_ended(lambda: calls.call(f"op/{operation}", 1, timeout=3))))

    def subscribe(self, side: int, operation: str, most: int) -> None:
        items = self.sides[side].calls.subscribe(f"op/{operation}", 1, timeout=3)
        self.asked.append(asyncio.create_task(_ended(lambda: _take(items, most))))

    def close(self) -> None:
        for side in self.sides:
            side.connection.close()

    def hold_to_the_rules(self) -> None:
        """Raises AssertionError where a side said what it must not."""
        over: dict[tuple[int, str], str] = {}
        requested: dict[str, int] = defaultdict(int)
        for said in self.said:
            key = (said.side, said.id)
            if not said.reads:
                assert key not in over, f"{said} after {over[key]}"
                requested[said.id] += said.type == "call.requested"
            if said.reads and said.type == "call.requested":
                over.pop(key, None)  # an abort by another stream came before it, and named nothing then
            if _is_terminal(said):
                over.setdefault(key, said.type)
        assert set(requested.values()) <= {0, 1}


def _is_terminal(said: Said) -> bool:
    """Whether this ends its request for the side that wrote or read it.

    A caller that gives a request up at the moment at which its output comes cannot know whether more will follow.
    """
    if said.type == "call.completed":
        assert said.operation in SUBSCRIPTIONS
    if said.type == "call.responded":
        return not said.reads and said.operation not in SUBSCRIPTIONS
    return said.type in ("call.completed", "call.error", "call.aborted")


async def _take(items: Any, most: int) -> None:
    async with contextlib.aclosing(items):
        while most > 0:
            most -= 1
            if await anext(items, items) is items:
                return


async def _ended(ask: Callable[[], Awaitable[Any]]) -> str:
    """How a request of ours ended: one of three ways."""
    try:
        await ask()
    except CallError as error:
        return error.code
    except asyncio.CancelledError:
        return "cancelled"
    return "done"


@contextlib.asynccontextmanager
async def world(*, one_stream: bool) -> AsyncIterator[World]:
    """Both sides run for the time of the block; at its end nothing of them may be left."""
    made = World(one_stream=one_stream)
    running = [asyncio.create_task(side.calls.run()) for side in made.sides]
    try:
        yield made
    finally:
        made.close()
        for ending in running:
            with contextlib.suppress(ConnectionClosed):
                await asyncio.wait_for(ending, 10)
