"""The peer's requests, from their arrival to their one terminal event (spec call §6, §7)."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from node.core import current
from node.core.errors import StreamError
from node.core.identity import AuthContext
from node.core.tasks import TaskSet
from node.handlers.call import answers
from node.handlers.call import envelope as events
from node.handlers.call.allowance import Allowance
from node.handlers.call.call_tree import Call
from node.handlers.call.charge import Charge
from node.handlers.call.dispatch import Dispatcher, Invocation
from node.handlers.call.envelope import Envelope, Payload
from node.handlers.call.errors import CallError, internal, too_many
from node.handlers.call.frames import Done, FrameError
from node.handlers.call.lane import Lane
from node.handlers.call.limits import CallLimits
from node.handlers.call.peers import Overlay

logger = logging.getLogger(__name__)


class InboundRequest:
    """One request in flight. It holds the bytes of its frame, and a slot, until it is over."""

    def __init__(self, table: "Inbound", lane: Lane, event: Envelope, charge: Charge) -> None:
        self.id = event.id
        self.lane = lane
        self.aborted = False
        self.task: asyncio.Task[None] | None = None
        self.call: Call | None = None
        """Its place as the root of what its handler composes."""
        self._give_back: Callable[[], None] | None = None
        self._is_over = False
        self._payload: Payload | None = event.payload
        self._table = table
        self._charge = charge
        lane.served.add(self)

    def take_payload(self) -> Payload:
        """What it asks for. It is held no longer than that takes: it keeps the whole frame, and some requests last."""
        payload, self._payload = self._payload, None
        return payload or events.NO_MEMBERS

    def hold(self, give_back: Callable[[], None] | None) -> None:
        """It counts somewhere, and in no other place any more; `give_back` ends that."""
        before, self._give_back = self._give_back, give_back
        if before is not None:
            before()

    def abort(self) -> None:
        """Nobody wants an answer any more: nothing more is sent, and the handler is cancelled."""
        self.aborted = True
        if self.call is not None:
            self.call.abort()
        if self.task is not None:
            self.task.cancel()

    def parsed(self, size: int) -> None:
        """It is a subscription, which may last: of its frame only the `size` bytes of the input are still held."""
        self._charge.keep(size)

    async def write(self, body: bytes, done: Done | None = None, *, last: bool = False) -> None:
        """One frame of the answer, the `last` or not, unless nobody wants it; `done` once it is not held any more.

        Raises FrameError, StreamError.
        """
        if not self.aborted:
            await self.lane.writer.write(body, done, last=last and self.lane.is_last(self))
        elif done is not None:
            done()

    def close(self, _: object = None) -> None:
        """It is over. Harmless when repeated."""
        if self._is_over:
            return
        self._is_over = True
        if self.call is not None:
            self.call.end()
        self.task = None  # what it ended with leads back to here
        self._charge.release()
        self.hold(None)
        self._table.forget(self)
        self.lane.answered(self)


class Inbound:
    """The table of requests in flight, each in a task of its own or in that of the stream that it was the last of."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        auth: AuthContext,
        limits: CallLimits,
        allowance: Allowance,
        tasks: TaskSet,
        imported: Overlay,
    ) -> None:
        """`imported` is what handlers of this connection's requests can compose beside all else."""
        self._dispatcher = dispatcher
        self._auth = auth
        self._limits = limits
        self._unsent = allowance.unsent
        self._counts = allowance.counts
        self._tasks = tasks
        self._imported = imported
        self._active: dict[str, InboundRequest] = {}
        self._slots = asyncio.Semaphore(limits.max_in_flight)
        self._subscriptions = 0

    def __len__(self) -> int:
        return len(self._active)

    async def accept(self, lane: Lane, event: Envelope, charge: Charge) -> InboundRequest | None:
        """Enter one request, to be started or served at once, waiting while too many run. None where there is none.

        Its charge is given back once it is over.

        On the only stream of a connection nothing waits, and what is too much is refused: those that run may wait for
        answers that lie behind it. Raises FrameError, StreamError.
        """
        if event.id in self._active:
            logger.info("a request with the id of another in flight is dropped")
            charge.release()
            return None
        if lane.only and self._slots.locked():
            charge.release()
            self._counts.refused_requests += 1
            await lane.writer.write(answers.failed(event.id, too_many()))
            return None
        request = self._active[event.id] = InboundRequest(self, lane, event, charge)
        try:
            if self._slots.locked():
                with lane.set_aside():
                    await self._slots.acquire()
            else:
                await self._slots.acquire()
        except BaseException:
            request.close()
            raise
        request.hold(self._slots.release)
        if request.aborted:
            request.close()
            return None
        return request

    def start(self, request: InboundRequest) -> None:
        """Serve an accepted request in a task of its own."""
        request.task = self._tasks.spawn(self._answer(request), "call request")
        # Also where it is cancelled before it began.
        request.task.add_done_callback(request.close)

    async def serve(self, request: InboundRequest) -> None:
        """Serve an accepted request in the running task, which has nothing else left to do: an abort cancels it."""
        request.task = asyncio.current_task()
        await self._answer(request)

    def abort(self, request_id: str) -> None:
        """The peer gave a request up. What is not in flight is ignored."""
        if (request := self._active.get(request_id)) is not None:
            request.abort()

    def abort_all(self) -> None:
        """The connection is gone, which aborts every request of it (spec call §7)."""
        for request in tuple(self._active.values()):
            request.abort()

    def forget(self, request: InboundRequest) -> None:
        if self._active.get(request.id) is request:
            del self._active[request.id]

    async def _answer(self, request: InboundRequest) -> None:
        current.call.set(request.id)
        try:
            await request.write(*await self._ending(request), last=True)
        except (StreamError, FrameError) as error:
            logger.debug("answer not delivered", extra={"error": str(error)})
            request.close()
            request.lane.break_off()
        finally:
            request.close()

    async def _ending(self, request: InboundRequest) -> tuple[bytes, Done | None]:
        """Run a request, and give its terminal frame: output, end of stream, or error; and what ends its being held."""
        try:
            await self._unsent.ready()
            payload = events.parse_request(request.take_payload())
            invocation = self._dispatcher.begin(request.id, payload, self._auth, self._imported)
            size = len(payload.input)
            del payload
            request.call = invocation.call
            if not invocation.streams:
                answer = answers.responded(request.id, await invocation.once())
                return answer, self._unsent.answer(len(answer))
            self._count_subscription(request)
            request.parsed(size)
            await self._stream(request, invocation)
            return answers.completed(request.id), None
        except CallError as error:
            return self._failed(request.id, error)

    def _failed(self, request_id: str, error: CallError) -> tuple[bytes, Done | None]:
        """An error counts as any answer does: its details may be another node's. Without room it gives way to that."""
        answer = answers.failed(request_id, error)
        try:
            return answer, self._unsent.answer(len(answer))
        except CallError as unread:
            return answers.failed(request_id, unread), None

    async def _stream(self, request: InboundRequest, invocation: Invocation) -> None:
        """Send each item as it comes, at the pace at which the peer reads them; the handler waits meanwhile."""
        async with contextlib.aclosing(invocation.items()) as items:
            async for item in items:
                frame = answers.responded(request.id, item)
                await request.write(frame, self._unsent.item(len(frame)))
                if request.aborted:
                    return

    def _count_subscription(self, request: InboundRequest) -> None:
        """It may last for ever: others do not wait for its slot. Raises CallError where there are too many."""
        if self._subscriptions >= self._limits.max_subscriptions:
            self._counts.refused_subscriptions += 1
            raise internal(f"{self._limits.max_subscriptions} subscriptions are being served already")
        self._subscriptions += 1
        request.hold(self._subscription_over)

    def _subscription_over(self) -> None:
        self._subscriptions -= 1
