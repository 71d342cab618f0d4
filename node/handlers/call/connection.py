"""One call connection, the same on both sides: either may call the other at any time (spec call §4–§8).

Each stream has one reader that understands every event; each request runs in a task of its own, so that a slow one
holds up nobody. Answers go back on the stream that carried the request, one frame at a time. Our own requests get a
stream each where the connection has many, and share the one where it has no other.
"""

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, Callable
from typing import Any

from node.core.connection import Connection
from node.core.errors import ConnectionClosed, LastStream, OnlyStream, StreamClosed, StreamError, StreamTimeout
from node.core.identity import AuthContext, Identity
from node.core.tasks import TaskSet
from node.handlers.call import envelope as events
from node.handlers.call.aborts import Aborts
from node.handlers.call.allowance import Allowance
from node.handlers.call.charge import Charge
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.envelope import Envelope, EnvelopeError
from node.handlers.call.errors import CallError, internal, no_room, timed_out
from node.handlers.call.frames import FrameError, NoRoom, Stalled
from node.handlers.call.inbound import Inbound
from node.handlers.call.lane import Lane, OwnLane
from node.handlers.call.limits import MAX_FRAME, CallLimits
from node.handlers.call.operation import OperationType
from node.handlers.call.outbound import Pending, PendingCall, PendingStream
from node.handlers.call.peers import Overlay
from node.handlers.call.settled import Settled

FRAMES_PER_TURN = 32
"""Frames that one stream may have handled before others get their turn."""

NO_ROOM = 0x43
"""The code with which a stream is reset whose frame found no room: nothing that it asked for has begun."""

LOOK_UP = 5.0
"""Seconds that a peer has to say of what type an operation is."""

logger = logging.getLogger(__name__)


class CallConnection:
    """Serves the peer's requests with `dispatcher`, and makes requests of our own with `call` and `subscribe`."""

    def __init__(
        self,
        connection: Connection,
        auth: AuthContext,
        dispatcher: Dispatcher,
        limits: CallLimits,
        allowance: Allowance,
    ) -> None:
        self._connection = connection
        self._limits = limits
        self._allowance = allowance
        self._tasks = TaskSet()
        self.auth = auth
        self.imported = Overlay()
        """The peer's operations that were imported by this connection, and are gone with it."""
        self._inbound = Inbound(dispatcher, auth, limits, allowance, self._tasks, self.imported)
        self._pending: dict[str, Pending] = {}
        self._aborts = Aborts(self._open, self._tasks)
        self._settled = Settled(self._aborts.send)
        self._lane: Lane | None = None
        """The lane that was accepted last."""
        self._accepted_all = asyncio.Event()
        self._once: dict[str, bool] = {}
        """Which operations of the peer answer once, where that had to be asked for."""
        self._end: StreamError | None = None
        self._on_end: list[Callable[[], None]] = []

    @property
    def ended(self) -> bool:
        return self._end is not None

    def on_end(self, tell: Callable[[], None]) -> None:
        """Have `tell` called once the connection has ended: at once, where it has already."""
        if self._end is not None:
            tell()
        else:
            self._on_end.append(tell)

    async def run(self) -> None:
        """Serve until the connection ends. Everything in flight is cancelled then, and every caller told."""
        end = ConnectionClosed()
        try:
            while True:
                stream = await self._connection.accept_bi()
                self._lane = Lane(stream, self._limits, self._allowance, self._tasks)
                self._tasks.spawn(self._read(self._lane), "call stream")
        except LastStream:
            end = await self._ended_or_idle()
        except ConnectionClosed as closed:
            end = closed
        finally:
            await self._finish(end)

    async def _finish(self, end: ConnectionClosed) -> None:
        self._end = self._end or end
        self._accepted_all.set()
        for tell in self._on_end:
            tell()
        self._inbound.abort_all()
        await self._tasks.cancel()
        self._aborts.close()
        self._lose_all(self._end)
        self._allowance.close()

    async def _ended_or_idle(self) -> ConnectionClosed:
        """Serve on what was accepted: until all of it is over, and answered, or the connection has ended."""
        if self._lane is not None:
            self._lane.only = True
        self._accepted_all.set()
        ended = asyncio.ensure_future(self._connection.wait_closed())
        idle = asyncio.ensure_future(self._tasks.idle())
        try:
            await asyncio.wait((ended, idle), return_when=asyncio.FIRST_COMPLETED)
            return ended.result() if ended.done() else ConnectionClosed()
        finally:
            ended.cancel()
            idle.cancel()

    # Requests of our own

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
        pending = PendingCall(str(uuid.uuid4()), max_output)
        body = _requested(pending, operation, value, auth_token, forwarded_for)
        lane: Lane | None = None
        self._pending[pending.id] = pending
        try:
            async with asyncio.timeout(timeout):
                lane = await self._open(pending)
                await _ask(lane, body)
                return await pending.result()
        except TimeoutError:
            raise timed_out() from None
        finally:
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
        pending = PendingStream(str(uuid.uuid4()), self._limits, deadline)
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

    async def _open(self, pending: Pending | None = None) -> Lane:
        """A stream of its own for one request, its answers read from the start; or the one that there is.

        Raises CallError.
        """
        try:
            if self._end is not None:
                raise self._end
            lane = OwnLane(await self._connection.open_bi(), self._limits, self._allowance, self._tasks)
        except OnlyStream:
            return await self._only_lane()
        except (ConnectionClosed, StreamTimeout) as error:
            raise _connection_closed(error) from error
        except StreamError as error:
            raise internal(f"failed to open stream: {error}") from error
        if pending is not None:
            pending.set_aside = lane.set_aside
        self._tasks.spawn(self._read(lane, pending), "call answer")
        return lane

    async def _only_lane(self) -> Lane:
        await self._accepted_all.wait()
        if self._end is not None or self._lane is None:
            raise _connection_closed(self._end or ConnectionClosed())
        return self._lane

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
            pending.lose(_connection_closed(cause))

    # What comes in

    async def _read(self, lane: Lane, pending: Pending | None = None) -> None:
        """Take frames off one stream until it ends. A broken one is abandoned; the connection lives on.

        `pending` is the request of ours for which the stream was opened.
        """
        try:
            await self._read_frames(lane, pending)
            if isinstance(pending, PendingStream):
                pending.stream_ended()
        except (FrameError, EnvelopeError, StreamError) as error:
            self._count(error)
            _break(lane, pending, error)
        finally:
            lane.end()
            self._settled.ended(lane)
            if lane.only:
                self._end = self._end or ConnectionClosed()
                self._lose_all(self._end)

    async def _read_frames(self, lane: Lane, pending: Pending | None) -> None:
        count = 0
        while True:
            charge = lane.charge()
            try:
                body = await lane.reader.read(charge)
                if body is None:
                    charge.release()  # of a frame that the stream ended in
                    return
                if pending is not None and pending.take(body):
                    charge.release()
                    del body
                else:
                    event = events.decode(body)
                    del body
                    await self._on_event(lane, event, charge, pending)
                    del event  # what comes next may be long in coming
            except BaseException:
                charge.release()
                raise
            count += 1
            if count % FRAMES_PER_TURN == 0:
                await asyncio.sleep(0)

    def _count(self, error: Exception) -> None:
        counts = self._allowance.counts
        counts.refused_frames += isinstance(error, NoRoom)
        counts.stalled += isinstance(error, Stalled)

    async def _on_event(self, lane: Lane, event: Envelope, charge: Charge, own: Pending | None) -> None:
        """Act on one event. A request and an item keep their charge until they are dealt with."""
        if event.type == events.REQUESTED:
            await self._inbound.accept(lane, event, charge)
            return
        pending = self._pending.get(event.id)
        if event.type == events.RESPONDED and pending is not None:
            await pending.responded(event.payload.output, charge, alone=pending is own)
            return
        charge.release()
        match event.type:
            case events.RESPONDED:
                self._settled.went_on(event.id)
            case events.COMPLETED | events.ERROR:
                self._over(event.id)
            case events.ABORTED:
                self._over(event.id)
                self._inbound.abort(event.id)
        if pending is not None:
            _end(pending, event)

    def _over(self, request_id: str) -> None:
        """The peer says that a request of ours is over, if it is one: it is not told so any more."""
        self._aborts.forget(request_id)
        self._settled.over(request_id)


def _break(lane: Lane, pending: Pending | None, error: FrameError | EnvelopeError | StreamError) -> None:
    """A stream cannot be read any more: what was asked on it is over, and so is the request that it was opened for."""
    ends_connection = isinstance(error, ConnectionClosed | StreamTimeout)
    if not ends_connection:
        logger.info("call stream abandoned", extra={"error": str(error)})
        lane.break_off(NO_ROOM if isinstance(error, NoRoom) else 0)
    if pending is None:
        return
    if not isinstance(error, StreamError):
        pending.fail(internal(f"unreadable answer: {error}"))
    else:
        pending.failed(_connection_closed(error) if ends_connection else _stream_failed(error, str(error)))


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
        await lane.writer.write(body)
        lane.asked()
    except (ConnectionClosed, StreamTimeout) as error:
        raise _connection_closed(error) from error
    except (StreamError, FrameError) as error:
        raise _stream_failed(error, f"failed to write frame: {error}") from error


def _stream_failed(error: Exception, message: str) -> CallError:
    """What a peer that has no room tells by the code of its reset may be asked again."""
    return no_room() if isinstance(error, StreamClosed) and error.code == NO_ROOM else internal(message)


def _connection_closed(cause: StreamError) -> CallError:
    error = internal("connection closed")
    error.__cause__ = cause
    return error
