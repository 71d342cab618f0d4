"""One stream of a call connection: frames in, frames out, and when it is over."""

from contextlib import AbstractContextManager
from typing import Protocol

from node.core.connection import BiStream
from node.core.tasks import TaskSet
from node.handlers.call.allowance import Allowance
from node.handlers.call.charge import Charge
from node.handlers.call.frames import FrameReader, FrameWriter
from node.handlers.call.limits import CallLimits


class Served(Protocol):
    """A request that came by a lane, and is answered on it."""

    def abort(self) -> None: ...


class Lane:
    """`served` are the requests that came by this stream and are not over; `ended`, that no more frames come.

    `only` is the one stream of a connection that can have no other: it carries everything, and outlives each request.
    """

    __slots__ = ("_allowance", "_stream", "ended", "only", "reader", "served", "writer")

    def __init__(self, stream: BiStream, limits: CallLimits, allowance: Allowance, tasks: TaskSet) -> None:
        self._stream = stream
        self._allowance = allowance
        self.reader = FrameReader(stream, max_frame=allowance.max_frame, stall_timeout=limits.stall_timeout)
        self.writer = FrameWriter(stream, stall_timeout=limits.stall_timeout, tasks=tasks, counts=allowance.counts)
        self.served: set[Served] = set()
        self.ended = False
        self.only = False

    def charge(self) -> Charge:
        """For the next frame. A large one waits its turn, but for those on an only stream, which hold up all else."""
        return Charge(self._allowance.budget, None if self.only else self._allowance.room)

    @property
    def carries_no_more(self) -> bool:
        """Whether nothing will come by it after what was read. Not of an only one, which outlives its requests."""
        return not self.only and self._stream.at_end

    def set_aside(self) -> AbstractContextManager[None]:
        """It is not read for a while, which shall hold up no other."""
        return self._allowance.set_aside(self._stream)

    def end(self) -> None:
        """The peer will send no more on it."""
        self.ended = True
        self.finish_when_done()

    def answered(self, request: Served) -> None:
        """Harmless when repeated."""
        self.served.discard(request)
        self.finish_when_done()

    def is_last(self, request: Served) -> bool:
        """Whether nothing is to go out after the answer to this one."""
        return self.ended and self.served == {request}

    def finish_when_done(self) -> None:
        """End our half once the peer has ended its own and every request of it has its answer."""
        if self.ended and not self.served:
            self.writer.finish()

    def asked(self) -> None:
        """Our one request is written, and a lane of its own carries nothing else."""
        if not self.only:
            self.writer.finish()

    def leave(self) -> None:
        """Our own request is over. A peer that keeps the stream open is not waited for (deviation D17)."""
        if not (self.only or self.ended or self.served):
            self.writer.abandon()

    def break_off(self, code: int = 0) -> None:
        """Nothing can be told here any more, so what was asked here is not wanted any more."""
        self.writer.abandon(code)
        for request in tuple(self.served):
            request.abort()


class OwnLane(Lane):
    """One that we opened: what comes by it are answers. They never wait, for what we serve may wait for them."""

    __slots__ = ()

    def charge(self) -> Charge:
        return Charge(self._allowance.answers)
