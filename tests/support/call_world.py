"""Ends of call connections in one loop that ask each other for everything, and what is left of that afterwards."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from node.core.connection import Connection
from node.core.errors import ConnectionClosed
from node.core.identity import AuthContext
from node.handlers.call.allowance import Allowances
from node.handlers.call.connection import CallConnection
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.errors import CallError
from node.handlers.call.roots import Roots
from tests.support.call_log import CallLog, TappedSource, TappedStream
from tests.support.call_operations import LIMITS, SUBSCRIPTIONS, Operations, forwarded
from tests.support.streams import connection_pair, stream_pair

ALPN = b"alknet/call"


class End:
    """One end of one connection, and who offers the operations that its peer finds there."""

    def __init__(self, offers: Operations, calls: CallConnection, log: CallLog) -> None:
        self.offers, self.calls, self.log = offers, calls, log
        calls.imported.add([forwarded(calls)])

    @property
    def source(self) -> TappedSource | None:
        """Where more streams come from; None where there is only the one."""
        source = self.calls._connection._source
        return source if isinstance(source, TappedSource) else None

    @property
    def left(self) -> dict[str, int]:
        """What there must be none of once nothing is asked: entries of tables, slots and bytes taken."""
        inbound = self.calls._inbound
        return {
            "inbound": len(inbound),
            "pending": len(self.calls._pending),
            "slots": LIMITS.max_in_flight - inbound._slots._value,
            "subscriptions": inbound._subscriptions,
            "bytes": self.calls._allowance.held,
            "room": self.calls._allowance.room.used + len(self.calls._allowance.room),
            "aborts": len(self.calls._aborts._waiting),
            "settled": len(self.calls._settled) if self.source else 0,
        }


class World:
    """Any number of ends, and how each request of theirs ended."""

    def __init__(self) -> None:
        self.ends: list[End] = []
        self.asked: list[asyncio.Task[str]] = []

    @property
    def logs(self) -> list[CallLog]:
        return list(dict.fromkeys(end.log for end in self.ends))

    @property
    def streams(self) -> list[TappedStream]:
        return [stream for log in self.logs for stream in log.streams]

    @property
    def left(self) -> dict[str, int]:
        """Of what there is anything left."""
        running = {"handlers": sum(offers.running for offers in {end.offers for end in self.ends})}
        every = [running, *(end.left for end in self.ends)]
        return {name: count for left in every for name, count in left.items() if count}

    def open_gates(self) -> None:
        for end in self.ends:
            end.offers.gate.set()

    def call(self, end: int, operation: str) -> None:
        calls = self.ends[end % len(self.ends)].calls
        self.asked.append(asyncio.create_task(_ended(lambda: calls.call(f"op/{operation}", 1, timeout=3))))

    def subscribe(self, end: int, operation: str, most: int) -> None:
        items = self.ends[end % len(self.ends)].calls.subscribe(f"op/{operation}", 1, timeout=3)
        self.asked.append(asyncio.create_task(_ended(lambda: _take(items, most))))


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


class MemoryEnd(End):
    """One that has a whole node to itself."""

    def __init__(self, connection: Connection, log: CallLog) -> None:
        offers, self.roots, allowance = Operations(), Roots(LIMITS), Allowances(LIMITS).of_peer()
        dispatcher = Dispatcher(offers.registry, lambda *_: None, LIMITS, roots=self.roots)
        calls = CallConnection(connection, AuthContext.anonymous(ALPN), dispatcher, LIMITS, allowance)
        super().__init__(offers, calls, log)

    @property
    def left(self) -> dict[str, int]:
        return super().left | {"composed": len(self.roots.composed.tasks)}


def _connections(log: CallLog, *, one_stream: bool) -> list[Connection]:
    if one_stream:
        return [Connection.from_bidi(log.tap(end, side), ALPN) for side, end in enumerate(stream_pair())]
    sources = [connection._source for connection in connection_pair(ALPN)]
    return [Connection(TappedSource(source, log, side), ALPN) for side, source in enumerate(sources)]


@contextlib.asynccontextmanager
async def world(*, one_stream: bool) -> AsyncIterator[World]:
    """Two ends in memory, which run for the time of the block; at its end nothing of them may be left."""
    made, log = World(), CallLog(SUBSCRIPTIONS)
    made.ends = [MemoryEnd(connection, log) for connection in _connections(log, one_stream=one_stream)]
    running = [asyncio.create_task(end.calls.run()) for end in made.ends]
    try:
        yield made
    finally:
        for end in made.ends:
            end.calls._connection.close()
        for ending in running:
            with contextlib.suppress(ConnectionClosed):
                await asyncio.wait_for(ending, 60)
