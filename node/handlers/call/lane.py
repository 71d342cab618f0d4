"""One stream of a call connection: frames in, frames out, and when it is over."""

from node.core.connection import BiStream
from node.handlers.call.budget import Allowance
from node.handlers.call.frames import FrameReader, FrameWriter
from node.handlers.call.limits import CallLimits


class Lane:
    """`unanswered` counts the requests that came by this stream and have no answer yet; `ended`, that no more come."""

    def __init__(self, stream: BiStream, limits: CallLimits, allowance: Allowance) -> None:
        self.reader = FrameReader(stream, max_frame=allowance.max_frame, stall_timeout=limits.stall_timeout)
        self.writer = FrameWriter(stream, stall_timeout=limits.stall_timeout)
        self.unanswered = 0
        self.ended = False

    def end(self) -> None:
        """The peer will send no more on it."""
        self.ended = True
        self.finish_when_done()

    def answered(self) -> None:
        self.unanswered -= 1
        self.finish_when_done()

    def finish_when_done(self) -> None:
        """End our half once the peer has ended its own and every request of it has its answer."""
        if self.ended and self.unanswered == 0:
            self.writer.finish()

    def leave(self) -> None:
        """Our own request is over. A peer that keeps the stream open is not waited for (deviation D17)."""
        if not self.ended and self.unanswered == 0:
            self.writer.abandon()
