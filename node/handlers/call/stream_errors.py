"""What a request of ours is told where its stream, or the connection, fails (spec call §5)."""

import logging

from node.core.errors import ConnectionClosed, StreamClosed, StreamError, StreamTimeout
from node.handlers.call.envelope import EnvelopeError
from node.handlers.call.errors import CallError, internal, no_room
from node.handlers.call.frames import FrameError, NoRoom
from node.handlers.call.lane import Lane
from node.handlers.call.outbound import Pending

NO_ROOM = 0x43
"""The code with which a stream is reset whose frame found no room: nothing that it asked for has begun."""

logger = logging.getLogger(__name__)


def broken(lane: Lane, pending: Pending | None, error: FrameError | EnvelopeError | StreamError) -> None:
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
        pending.failed(connection_closed(error) if ends_connection else stream_failed(error, str(error)))


def stream_failed(error: Exception, message: str) -> CallError:
    """What a peer that has no room tells by the code of its reset may be asked again."""
    return no_room() if isinstance(error, StreamClosed) and error.code == NO_ROOM else internal(message)


def connection_closed(cause: StreamError) -> CallError:
    """How a lost connection was closed is the cause of the error."""
    error = internal("connection closed")
    error.__cause__ = cause
    return error
