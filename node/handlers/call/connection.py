"""One call connection, the same on both sides: either may call the other at any time (spec call §4–§6).

Each stream has one reader that understands every event; each request runs in a task of its own, so that a slow one
holds up nobody. Answers go back on the stream that carried the request, one frame at a time.
"""

import asyncio
import logging
import uuid
from typing import Any

from node.core.connection import BiStream, Connection
from node.core.errors import ConnectionClosed, StreamError
from node.core.identity import AuthContext
from node.core.tasks import TaskSet
from node.handlers.call import envelope as events
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.envelope import Envelope, EnvelopeError
from node.handlers.call.errors import CallError, internal, timed_out
from node.handlers.call.frames import ByteBudget, FrameError, FrameWriter, read_frame
from node.handlers.call.limits import MAX_FRAME, CallLimits

logger = logging.getLogger(__name__)


class _Lane:
    """One stream: who writes to it, and how many requests that came by it are unanswered."""

    def __init__(self, stream: BiStream) -> None:
        self.stream = stream
        self.writer = FrameWriter(stream)
        self.unanswered = 0
        self.ended = False

    def finish_when_done(self) -> None:
        """End our half once the peer has ended its own and every request of it has its answer."""
        if self.ended and self.unanswered == 0:
            self.writer.finish()


class CallConnection:
    """Serves the peer's requests with `dispatcher`, and makes requests of our own with `call`."""

    def __init__(self, connection: Connection, auth: AuthContext, dispatcher: Dispatcher, limits: CallLimits) -> None:
        self._connection = connection
        self._auth = auth
        self._dispatcher = dispatcher
        self._limits = limits
        self._tasks = TaskSet()
        self._budget = ByteBudget(limits.max_buffered)
        self._slots = asyncio.Semaphore(limits.max_in_flight)
        self._pending: dict[str, asyncio.Future[Any]] = {}
        self._end: ConnectionClosed | None = None

    async def run(self) -> None:
        """Serve until the connection ends. Everything in flight is cancelled then, and every caller told."""
        end = ConnectionClosed()
        try:
            while True:
                stream = await self._connection.accept_bi()
                self._tasks.spawn(self._read(_Lane(stream)), "call stream")
        except ConnectionClosed as closed:
            end = closed
        finally:
            self._end = end
            await self._tasks.cancel()
            self._fail_pending(end)

    async def call(self, operation: str, value: Any, *, auth_token: str | None = None, timeout: float = 30.0) -> Any:
        """Run one operation of the peer and give its output. Raises CallError; `timeout` is in seconds."""
        request_id = str(uuid.uuid4())
        self._pending[request_id] = result = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout):
                await self._send_request(request_id, events.request(operation, value, auth_token))
                return await result
        except TimeoutError:
            raise timed_out() from None
        finally:
            del self._pending[request_id]

    async def _send_request(self, request_id: str, payload: dict[str, Any]) -> None:
        """Write one request on a stream of its own. Raises CallError; nothing was sent where the input is not JSON."""
        body = events.encode(Envelope(events.REQUESTED, request_id, payload))
        if self._end is not None:
            raise internal("connection closed") from self._end
        try:
            lane = _Lane(await self._connection.open_bi())
        except StreamError as error:
            raise internal(f"failed to open stream: {error}") from error
        self._tasks.spawn(self._read(lane, request_id), "call answer")
        try:
            await lane.writer.write(body)
            lane.writer.finish()
        except (StreamError, FrameError) as error:
            lane.writer.abandon()
            raise internal(f"failed to write frame: {error}") from error

    async def _read(self, lane: _Lane, own_request: str | None = None) -> None:
        """Take frames off one stream until it ends. A broken one is abandoned; the connection lives on."""
        try:
            while (body := await read_frame(lane.stream, self._budget, self._limits)) is not None:
                await self._on_event(lane, events.decode(body))
            lane.ended = True
            if own_request is None:
                lane.finish_when_done()
        except (FrameError, EnvelopeError) as error:
            logger.warning("call stream abandoned", extra={"error": str(error)})
            lane.writer.abandon()
            self._fail(own_request, internal(f"unreadable answer: {error}"))
        except StreamError as error:
            self._fail(own_request, internal(str(error)), error)

    async def _on_event(self, lane: _Lane, event: Envelope) -> None:
        match event.type:
            case events.REQUESTED:
                await self._slots.acquire()
                lane.unanswered += 1
                self._tasks.spawn(self._answer(lane, event), "call request")
            case events.RESPONDED:
                self._resolve(event.id, events.output_of(event.payload))
            case events.ERROR:
                if (error := events.parse_error(event.payload)) is not None:
                    self._fail(event.id, error)
            case events.COMPLETED | events.ABORTED:
                self._fail(event.id, internal("request cancelled"))
            case _:
                pass

    async def _answer(self, lane: _Lane, event: Envelope) -> None:
        """Run one request and send its one terminal frame."""
        try:
            answer = await self._result(event)
            await lane.writer.write(answer)
        except (StreamError, FrameError) as error:
            logger.debug("answer not delivered", extra={"error": str(error)})
        finally:
            self._slots.release()
            lane.unanswered -= 1
            lane.finish_when_done()

    async def _result(self, event: Envelope) -> bytes:
        """The encoded answer to a request: its output, or the error that it ended with."""
        try:
            output = await self._dispatcher.run(event.id, events.parse_request(event.payload), self._auth)
            return _encode_answer(events.RESPONDED, event.id, {"output": output})
        except CallError as error:
            return _encode_error(event.id, error)

    def _resolve(self, request_id: str, output: Any) -> None:
        """Late answers, to requests that were given up, are dropped silently."""
        future = self._pending.get(request_id)
        if future is not None and not future.done():
            future.set_result(output)

    def _fail(self, request_id: str | None, error: CallError, cause: BaseException | None = None) -> None:
        future = None if request_id is None else self._pending.get(request_id)
        if future is not None and not future.done():
            error.__cause__ = cause
            future.set_exception(error)

    def _fail_pending(self, end: ConnectionClosed) -> None:
        for request_id in tuple(self._pending):
            self._fail(request_id, internal("connection closed"), end)


def _encode_answer(kind: str, request_id: str, payload: Any) -> bytes:
    """An answer that fits a frame. Raises CallError INTERNAL where it does not, or is not JSON."""
    body = events.encode(Envelope(kind, request_id, payload))
    if len(body) > MAX_FRAME:
        raise internal(f"the answer has {len(body)} bytes; a frame takes {MAX_FRAME}")
    return body


def _encode_error(request_id: str, error: CallError) -> bytes:
    """A `call.error`; its details are an operation's own and may turn out to be no JSON."""
    try:
        return _encode_answer(events.ERROR, request_id, events.error_payload(error))
    except CallError as worse:
        return events.encode(Envelope(events.ERROR, request_id, events.error_payload(worse)))
