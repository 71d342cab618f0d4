"""Requests of our own by one connection, from their question to their end (spec call §5)."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from typing import Any

from node.core.errors import ConnectionClosed, StreamError, StreamTimeout
from node.core.identity import Identity
from node.core.tasks import TaskSet
from node.core.within import within
from node.handlers.call import envelope as events
from node.handlers.call.aborts import Aborts
from node.handlers.call.envelope import Envelope
from node.handlers.call.errors import CallError, timed_out
from node.handlers.call.frames import FrameError
from node.handlers.call.lane import Lane
from node.handlers.call.limits import MAX_FRAME, CallLimits
from node.handlers.call.operation import OperationType
from node.handlers.call.outbound import Pending, PendingCall, PendingStream
from node.handlers.call.request_id import fresh_id
from node.handlers.call.settled import Settled
from node.handlers.call.stream_errors import connection_closed, stream_failed

LOOK_UP = 5.0
"""Seconds that a peer has to say of what type an operation is."""


class Caller(ABC):
    """Makes requests with `call` and `subscribe`. Where their streams come from, its subclass says."""

    def __init__(self, limits: CallLimits) -> None:
        self._limits = limits
        self._tasks = TaskSet()
        self._pending: dict[str, Pending] = {}
        self._aborts = Aborts(self._open, self._tasks)
        self._settled = Settled(self._aborts.send)
        self._once: dict[str, bool] = {}
        """Which operations of the peer answer once, where that had to be asked for."""
        self._end: StreamError | None = None

    @abstractmethod
    async def _open(self, pending: Pending | None = None) -> Lane:
        """A stream for one request, its answers read from the start. Raises CallError."""

    async def call(
        self,
        operation: str,
        value: Any = None,
        *,
        auth_token: str | None = None,
        forwarded_for: Identity | None = None,
        timeout: float | None = 30.0,
        max_output: int = MAX_FRAME,
    ) -> Any:
        """Run one operation of the peer and give its output. Raises CallError; `timeout` is in seconds, None for ever.

        Of a subscription this is the first item; the peer is told that no more is wanted. `forwarded_for` names on
        whose behalf this is asked: a claim, which gives no rights. An answer of more than `max_output` bytes is an
        error: the value made of it can take many times as much memory.
        """
        pending = PendingCall(fresh_id(), max_output)
        body = _requested(pending, operation, value, auth_token, forwarded_for)
        lane: Lane | None = None
        self._pending[pending.id] = pending
        timer = None if timeout is None else asyncio.get_running_loop().call_later(timeout, pending.expire)
        try:
            lane = await within(timeout, self._open(pending))
            await within(_left(timer), _ask(lane, body))
            return await pending.result()
        except TimeoutError:
            raise timed_out() from None
        finally:
            if timer is not None:
                timer.cancel()
            self._leave(pending, lane)

    async def subscribe(
        self,
        operation: str,
        value: Any = None,
        *,
        auth_token: str | None = None,
        forwarded_for: Identity | None = None,
        timeout: float | None = None,
    ) -> AsyncGenerator[Any, None]:
        """The items of one subscription of the peer, asked for once this is iterated. Raises CallError.

        Closing the iterator, or cancelling whoever waits for it, tells the peer that no more is wanted. One that is
        read slowly slows the peer down; where streams are shared that cannot be, and it ends with an error once too
        many items wait. `timeout` in seconds bounds the whole. A query gives its one output.
        """
        deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        pending = PendingStream(fresh_id(), self._limits, deadline)
        body = _requested(pending, operation, value, auth_token, forwarded_for)
        lane, once = None, False
        self._pending[pending.id] = pending
        try:
            async with asyncio.timeout_at(deadline):
                lane = await self._open(pending)
                once = lane.only and await self._answers_once(operation, auth_token)
                if not once:
                    await _ask(lane, body)
        except TimeoutError:
            self._leave(pending, lane)
            raise timed_out() from None
        except BaseException:
            self._leave(pending, lane)
            raise
        if once:
            self._leave(pending, None)
            left = 30.0 if deadline is None else deadline - asyncio.get_running_loop().time()
            yield await self.call(operation, value, auth_token=auth_token, forwarded_for=forwarded_for, timeout=left)
            return
        try:
            async for item in pending:
                yield item
        finally:
            self._leave(pending, lane)

    async def _answers_once(self, operation: str, auth_token: str | None) -> bool:
        """Whether the peer says that an operation is no subscription. On a shared stream nothing else ends a query."""
        if operation not in self._once:
            try:
                shown = await self.call("services/schema", {"name": operation}, auth_token=auth_token, timeout=LOOK_UP)
            except CallError:
                if self._end is not None:
                    raise
                return False
            kind = shown.get("op_type") if isinstance(shown, dict) else None
            self._once[operation] = kind in (OperationType.QUERY, OperationType.MUTATION)
        return self._once[operation]

    def _leave(self, pending: Pending, lane: Lane | None) -> None:
        """Nobody waits for a request any more. The peer is told, unless it knows."""
        del self._pending[pending.id]
        pending.close()
        if lane is None or self._end is not None:
            return
        went_on = isinstance(pending, PendingCall) and pending.went_on
        if isinstance(pending, PendingCall) and pending.may_go_on and not went_on:
            self._settled.add(pending.id, lane)
            return
        if went_on or not pending.over:
            self._aborts.send(pending.id)
        lane.leave()

    def _lose_all(self, cause: StreamError) -> None:
        for pending in tuple(self._pending.values()):
            pending.lose(connection_closed(cause))

    def _told(self, event: Envelope) -> None:
        """The peer says something of a request, be it that it is over, other than the output that is waited for."""
        if event.type == events.RESPONDED:
            self._settled.went_on(event.id)
        elif event.type in (events.COMPLETED, events.ERROR, events.ABORTED):
            self._aborts.forget(event.id)
            self._settled.over(event.id)
        if (pending := self._pending.get(event.id)) is not None:
            _end(pending, event)


def _left(timer: asyncio.TimerHandle | None) -> float | None:
    """Seconds to go."""
    return None if timer is None else timer.when() - asyncio.get_running_loop().time()


def _end(pending: Pending, event: Envelope) -> None:
    """Tell a request of its terminal event. A `call.error` that is none is ignored."""
    match event.type:
        case events.COMPLETED:
            pending.completed()
        case events.ABORTED:
            pending.aborted()
        case events.ERROR if (error := events.parse_error(event.payload)) is not None:
            pending.failed(error)


def _requested(
    pending: Pending, operation: str, value: Any, auth_token: str | None, forwarded_for: Identity | None
) -> bytes:
    return events.encode(events.REQUESTED, pending.id, events.request(operation, value, auth_token, forwarded_for))


async def _ask(lane: Lane, body: bytes) -> None:
    """Write the one frame of a request. Raises CallError."""
    try:
        await lane.writer.write(body, last=not lane.only)
        lane.asked()
    except (ConnectionClosed, StreamTimeout) as error:
        raise connection_closed(error) from error
    except (StreamError, FrameError) as error:
        raise stream_failed(error, f"failed to write frame: {error}") from error
