"""One call connection, the same on both sides: either may call the other at any time (spec call §4–§6).

Each stream has one reader that understands every event; each request runs in a task of its own, so that a slow one
holds up nobody. Answers go back on the stream that carried the request, one frame at a time.
"""

import asyncio
import logging
import uuid
from typing import Any

import msgspec

from node.core.connection import Connection
from node.core.errors import ConnectionClosed, LastStream, StreamError, StreamTimeout
from node.core.identity import AuthContext
from node.core.tasks import TaskSet
from node.handlers.call import envelope as events
from node.handlers.call.budget import Allowance, Charge
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.envelope import Envelope, EnvelopeError
from node.handlers.call.errors import CallError, internal, timed_out
from node.handlers.call.frames import FrameError
from node.handlers.call.lane import Lane
from node.handlers.call.limits import MAX_FRAME, CallLimits

FRAMES_PER_TURN = 32
"""Frames that one stream may have handled before others get their turn."""

logger = logging.getLogger(__name__)


class CallConnection:
    """Serves the peer's requests with `dispatcher`, and makes requests of our own with `call`."""

    def __init__(
        self,
        connection: Connection,
        auth: AuthContext,
        dispatcher: Dispatcher,
        limits: CallLimits,
        allowance: Allowance,
    ) -> None:
        self._connection = connection
        self._auth = auth
        self._dispatcher = dispatcher
        self._limits = limits
        self._allowance = allowance
        self._tasks = TaskSet()
        self._slots = asyncio.Semaphore(limits.max_in_flight)
        self._pending: dict[str, asyncio.Future[Any]] = {}
        self._end: ConnectionClosed | None = None

    async def run(self) -> None:
        """Serve until the connection ends. Everything in flight is cancelled then, and every caller told."""
        end = ConnectionClosed()
        try:
            while True:
                stream = await self._connection.accept_bi()
                self._tasks.spawn(self._read(Lane(stream, self._limits, self._allowance)), "call stream")
        except LastStream:
            end = await self._ended_or_idle()
        except ConnectionClosed as closed:
            end = closed
        finally:
            self._end = end
            await self._tasks.cancel()
            self._allowance.budget.close()  # a task that was cancelled before it began has given nothing back
            for request_id in tuple(self._pending):
                self._fail(request_id, _connection_closed(end))

    async def _ended_or_idle(self) -> ConnectionClosed:
        """Serve on what was accepted: until all of it is over, and answered, or the connection has ended."""
        ended = asyncio.ensure_future(self._connection.wait_closed())
        idle = asyncio.ensure_future(self._tasks.idle())
        try:
            await asyncio.wait((ended, idle), return_when=asyncio.FIRST_COMPLETED)
            return ended.result() if ended.done() else ConnectionClosed()
        finally:
            ended.cancel()
            idle.cancel()

    async def call(self, operation: str, value: Any, *, auth_token: str | None = None, timeout: float = 30.0) -> Any:
        """Run one operation of the peer and give its output. Raises CallError; `timeout` is in seconds."""
        request_id = str(uuid.uuid4())
        body = events.encode(events.REQUESTED, request_id, events.request(operation, value, auth_token))
        self._pending[request_id] = result = asyncio.get_running_loop().create_future()
        lane: Lane | None = None
        try:
            async with asyncio.timeout(timeout):
                lane = await self._open(request_id)
                await _send(lane, body)
                return await result
        except TimeoutError:
            raise timed_out() from None
        finally:
            del self._pending[request_id]
            _forget(result)
            if lane is not None:
                lane.leave()

    async def _open(self, request_id: str) -> Lane:
        """A stream of its own for one request, its answers read from the start."""
        if self._end is not None:
            raise _connection_closed(self._end)
        try:
            lane = Lane(await self._connection.open_bi(), self._limits, self._allowance)
        except StreamError as error:
            raise internal(f"failed to open stream: {error}") from error
        self._tasks.spawn(self._read(lane, request_id), "call answer")
        return lane

    async def _read(self, lane: Lane, own_request: str | None = None) -> None:
        """Take frames off one stream until it ends. A broken one is abandoned; the connection lives on."""
        try:
            await self._read_frames(lane)
        except (FrameError, EnvelopeError) as error:
            logger.info("call stream abandoned", extra={"error": str(error)})
            lane.writer.abandon()
            self._fail(own_request, internal(f"unreadable answer: {error}"))
        except (ConnectionClosed, StreamTimeout) as error:
            self._fail(own_request, _connection_closed(error))
        except StreamError as error:
            self._fail(own_request, internal(str(error)))
        finally:
            lane.end()

    async def _read_frames(self, lane: Lane) -> None:
        count = 0
        while True:
            charge = Charge(self._allowance.budget)
            try:
                body = await lane.reader.read(charge)
                if body is None:
                    return
                await self._on_event(lane, events.decode(body), charge)
            except BaseException:
                charge.release()
                raise
            count += 1
            if count % FRAMES_PER_TURN == 0:
                await asyncio.sleep(0)

    async def _on_event(self, lane: Lane, event: Envelope, charge: Charge) -> None:
        """Act on one event. A request keeps its charge until it is answered, anything else gives it back now."""
        if event.type == events.REQUESTED:
            await self._slots.acquire()
            lane.unanswered += 1
            self._tasks.spawn(self._answer(lane, event.id, event.payload, charge), "call request")
            return
        charge.release()
        match event.type:
            case events.RESPONDED:
                self._resolve(event.id, event.payload)
            case events.ERROR:
                if (error := events.parse_error(event.payload)) is not None:
                    self._fail(event.id, error)
            case events.COMPLETED | events.ABORTED:
                self._fail(event.id, internal("request cancelled"))
            case _:
                pass

    async def _answer(self, lane: Lane, request_id: str, payload: msgspec.Raw, charge: Charge) -> None:
        """Run one request and send its one terminal frame."""
        try:
            answer = await self._result(request_id, payload)
            del payload  # it keeps the whole frame, and a slow reader may keep us here for long
            await lane.writer.write(answer)
        except (StreamError, FrameError) as error:
            logger.debug("answer not delivered", extra={"error": str(error)})
            lane.writer.abandon()
        finally:
            charge.release()
            self._slots.release()
            lane.answered()

    async def _result(self, request_id: str, payload: msgspec.Raw) -> bytes:
        """The encoded answer to a request: its output, or the error that it ended with."""
        try:
            output = await self._dispatcher.run(request_id, events.parse_request(payload), self._auth)
            return _encode_answer(events.RESPONDED, request_id, {"output": output})
        except CallError as error:
            return _encode_error(request_id, error)

    def _resolve(self, request_id: str, payload: msgspec.Raw) -> None:
        """Late answers, to requests that were given up, are dropped silently."""
        future = self._pending.get(request_id)
        if future is not None and not future.done():
            future.set_result(events.output_of(payload))

    def _fail(self, request_id: str | None, error: CallError) -> None:
        future = None if request_id is None else self._pending.get(request_id)
        if future is not None and not future.done():
            future.set_exception(error)


def _forget(result: asyncio.Future[Any]) -> None:
    """The answer comes too late for anybody to look at it; asyncio need not complain about that."""
    if not result.cancel() and not result.cancelled():
        result.exception()


async def _send(lane: Lane, body: bytes) -> None:
    """Write the one frame of a request. Raises CallError."""
    try:
        await lane.writer.write(body)
        lane.writer.finish()
    except (ConnectionClosed, StreamTimeout) as error:
        raise _connection_closed(error) from error
    except (StreamError, FrameError) as error:
        raise internal(f"failed to write frame: {error}") from error


def _connection_closed(cause: StreamError) -> CallError:
    error = internal("connection closed")
    error.__cause__ = cause
    return error


def _encode_answer(kind: str, request_id: str, payload: Any) -> bytes:
    """An answer that fits a frame. Raises CallError INTERNAL where it does not, or is not JSON."""
    body = events.encode(kind, request_id, payload)
    if len(body) > MAX_FRAME:
        raise internal(f"the answer has {len(body)} bytes; a frame takes {MAX_FRAME}")
    return body


def _encode_error(request_id: str, error: CallError) -> bytes:
    """A `call.error`; its details are an operation's own and may turn out to be no JSON."""
    try:
        return _encode_answer(events.ERROR, request_id, events.error_payload(error))
    except CallError as worse:
        return events.encode(events.ERROR, request_id, events.error_payload(worse))
