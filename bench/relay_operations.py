"""Operations of three nodes in a row: each has the next one wait for it, and keeps the time of every abort.

Times are of the clock that all processes of a machine share, in nanoseconds.
"""

import asyncio
import time
from typing import Any, Literal

import msgspec

from node.handlers.call.authority import CompositionAuthority, ScopedEnvironment
from node.handlers.call.decorator import query
from node.handlers.call.operation import Operation, OperationContext

Marks = dict[str, int]
"""Times by the ticket of the request."""


class Ticket(msgspec.Struct):
    ticket: str


class Asked(msgspec.Struct):
    ticket: str
    kind: Literal["begun", "aborted"]


class Recorder:
    """What happened to the requests of one node."""

    def __init__(self) -> None:
        self.begun: Marks = {}
        self.aborted: Marks = {}

    async def around(self, ticket: str, work: Any) -> Any:
        self.begun[ticket] = time.monotonic_ns()
        try:
            return await work
        except asyncio.CancelledError:
            self.aborted[ticket] = time.monotonic_ns()
            raise

    def operation(self, service: str) -> Operation:
        """When something happened to a request; None while it has not."""

        @query(f"{service}/mark")
        async def mark(asked: Asked) -> int | None:
            return (self.begun if asked.kind == "begun" else self.aborted).get(asked.ticket)

        return mark


def edge() -> tuple[Operation, ...]:
    return _relay("edge", "hub")


def hub() -> tuple[Operation, ...]:
    return _relay("hub", "worker")


def worker() -> tuple[Operation, ...]:
    """The last of them waits until nobody wants it to."""
    recorder = Recorder()

    @query("worker/wait")
    async def wait(asked: Ticket) -> None:
        await recorder.around(asked.ticket, asyncio.Event().wait())

    @query("worker/echo")
    async def echo(asked: Ticket) -> str:
        return asked.ticket

    return wait, echo, recorder.operation("worker")


def _relay(service: str, following: str) -> tuple[Operation, ...]:
    recorder = Recorder()
    authority = CompositionAuthority(service)
    reach = ScopedEnvironment(frozenset({f"{following}/wait", f"{following}/echo"}))

    @query(f"{service}/wait", authority=authority, scoped_env=reach)
    async def wait(asked: Ticket, context: OperationContext) -> None:
        below = context.env.invoke(following, "wait", {"ticket": asked.ticket}, context)
        await recorder.around(asked.ticket, below)

    @query(f"{service}/echo", authority=authority, scoped_env=reach)
    async def echo(asked: Ticket, context: OperationContext) -> str:
        answer: str = await context.env.invoke(following, "echo", {"ticket": asked.ticket}, context)
        return answer

    return wait, echo, recorder.operation(service)
