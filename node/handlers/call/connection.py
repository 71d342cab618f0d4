"""One call connection, the same on both sides: either may call the other at any time (spec call §4–§8).

Each stream has one reader that understands every event; each request runs in a task of its own, or in that of a reader
which has nothing else to read, so that a slow one holds up nobody. Answers go back on the stream that carried the
request, one frame at a time. Our own requests get a stream each where the connection has many, and share the one where
it has no other.
"""

import asyncio
from collections.abc import Callable

from node.core.connection import Connection
from node.core.errors import ConnectionClosed, LastStream, OnlyStream, StreamError, StreamTimeout
from node.core.identity import AuthContext
from node.handlers.call import envelope as events
from node.handlers.call.allowance import Allowance
from node.handlers.call.caller import Caller
from node.handlers.call.charge import Charge
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.envelope import Envelope, EnvelopeError
from node.handlers.call.errors import internal
from node.handlers.call.frames import FrameError, NoRoom, Stalled
from node.handlers.call.inbound import Inbound, InboundRequest
from node.handlers.call.lane import Lane, OwnLane
from node.handlers.call.limits import CallLimits
from node.handlers.call.outbound import Pending, PendingStream
from node.handlers.call.peers import Overlay
from node.handlers.call.stream_errors import broken, connection_closed

FRAMES_PER_TURN = 32
"""Frames that one stream may have handled before others get their turn."""


class CallConnection(Caller):
    """Serves the peer's requests with `dispatcher`, and makes requests of our own with `call` and `subscribe`."""

    def __init__(
        self,
        connection: Connection,
        auth: AuthContext,
        dispatcher: Dispatcher,
        limits: CallLimits,
        allowance: Allowance,
    ) -> None:
        super().__init__(limits)
        self._connection = connection
        self._allowance = allowance
        self.auth = auth
        self.imported = Overlay()
        """The peer's operations that were imported by this connection, and are gone with it."""
        self._inbound = Inbound(dispatcher, auth, limits, allowance, self._tasks, self.imported)
        self._lane: Lane | None = None
        """The lane that was accepted last."""
        self._accepted_all = asyncio.Event()
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

    # Streams for requests of our own

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
            raise connection_closed(error) from error
        except StreamError as error:
            raise internal(f"failed to open stream: {error}") from error
        if pending is not None:
            pending.set_aside = lane.set_aside
        self._tasks.spawn(self._read(lane, pending), "call answer")
        return lane

    async def _only_lane(self) -> Lane:
        await self._accepted_all.wait()
        if self._end is not None or self._lane is None:
            raise connection_closed(self._end or ConnectionClosed())
        return self._lane

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
            broken(lane, pending, error)
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
                request = None
                if pending is not None and pending.take(body):
                    charge.release()
                    del body
                else:
                    event = events.decode(body)
                    del body
                    request = await self._on_event(lane, event, charge, pending)
                    del event  # what comes next may be long in coming
            except BaseException:
                charge.release()
                raise
            if await self._was_last(lane, request, pending):
                return
            del request
            count += 1
            if count % FRAMES_PER_TURN == 0:
                await asyncio.sleep(0)

    async def _was_last(self, lane: Lane, request: InboundRequest | None, own: Pending | None) -> bool:
        """Begin a request, if one came. Whether the stream has nothing else.

        A request that is the last of its stream, as most are, runs in the very task that has read it, and is over
        after this; any other in one of its own.
        """
        if request is None:
            return lane.carries_no_more
        if own is None and lane.carries_no_more:
            lane.end()
            await self._inbound.serve(request)
            return True
        self._inbound.start(request)
        return False

    def _count(self, error: Exception) -> None:
        counts = self._allowance.counts
        counts.refused_frames += isinstance(error, NoRoom)
        counts.stalled += isinstance(error, Stalled)

    async def _on_event(
        self, lane: Lane, event: Envelope, charge: Charge, own: Pending | None
    ) -> InboundRequest | None:
        """Act on one event. A request and an item keep their charge until they are dealt with.

        Gives the request that is to be begun, where it is one.
        """
        if event.type == events.REQUESTED:
            return await self._inbound.accept(lane, event, charge)
        pending = self._pending.get(event.id)
        if event.type == events.RESPONDED and pending is not None:
            await pending.responded(event.payload.output, charge, alone=pending is own)
            return None
        charge.release()
        self._told(event)
        if event.type == events.ABORTED:
            self._inbound.abort(event.id)
        return None
