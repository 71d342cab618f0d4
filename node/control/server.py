"""Serves the control socket: one call connection for each client that the kernel vouches for."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path

from node.control.administrator import administrator, as_connected
from node.control.limits import MAX_FRAME, MAX_HELD, ControlLimits
from node.control.stream import UnixStream
from node.core.connection import Connection
from node.core.live import Live, live
from node.core.metrics import counters, gauges
from node.core.tasks import TaskSet
from node.handlers.call import counts as call_counts
from node.handlers.call.allowance import Allowance, Pots
from node.handlers.call.connection import CallConnection
from node.handlers.call.counts import CallCounts
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import OperationRegistry
from node.local_socket import LocalSocket, is_trusted, peer_uid
from node.socket_stream import READ_AHEAD

LINGER = 2.0
"""Seconds that the last answer has to go out once a client has ended its side."""

logger = logging.getLogger(__name__)

MEANINGS = {
    **call_counts.MEANINGS,
    **gauges(connections="Clients of the control socket now."),
    **counters(
        served="Clients that were served.",
        refused_user="Clients refused since they run as another user.",
        refused_full="Clients refused beyond `control.max_connections`.",
    ),
}


@dataclass(slots=True)
class ControlCounts:
    """What became of those who connected, since the start."""

    served: int = 0
    refused_user: int = 0
    """Another user than the node's own, and not root."""
    refused_full: int = 0
    """More than `control.max_connections` at once."""


class ControlServer:
    """Takes clients of one listening socket, each in a task of its own, until `close`."""

    def __init__(
        self,
        socket: LocalSocket,
        registry: OperationRegistry,
        limits: ControlLimits | Live[ControlLimits],
        call_limits: CallLimits | Live[CallLimits],
    ) -> None:
        self._socket = socket
        self._limits = live(limits)
        self._call_limits = live(call_limits)
        self._dispatcher = Dispatcher(registry, as_connected, self._call_limits)
        self._tasks = TaskSet()
        self._server: asyncio.Server | None = None
        self.counts = ControlCounts()
        self.call_counts = CallCounts()

    def snapshot(self) -> dict[str, int]:
        return {"connections": len(self._tasks), **asdict(self.counts), **self.call_counts.snapshot()}

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._accept, sock=self._socket.sock, limit=READ_AHEAD)

    async def close(self) -> None:
        """Give the name up, then end every connection."""
        if self._server is not None:
            self._server.close()
        self._socket.close()
        await self._tasks.cancel()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Called for each client, before a byte of it is looked at."""
        limits = self._limits.value
        stream = UnixStream(reader, writer, limits.idle_timeout)
        uid = peer_uid(writer.get_extra_info("socket"))
        if uid is None or not is_trusted(uid):
            self.counts.refused_user += 1
            logger.warning("a foreign user at the control socket", extra={"uid": uid})
            stream.reset()
        elif len(self._tasks) >= limits.max_connections:
            self.counts.refused_full += 1
            logger.warning("too many clients at the control socket", extra={"limit": limits.max_connections})
            stream.reset()
        else:
            self.counts.served += 1
            self._tasks.spawn(self._serve(stream, uid), "control client")

    async def _serve(self, stream: UnixStream, uid: int) -> None:
        limits = self._call_limits.value
        pots = Pots(MAX_HELD, limits.max_unsent)
        allowance = Allowance.within(limits, pots, self.call_counts, max_frame=MAX_FRAME)
        connection, auth = Connection.from_bidi(stream, b""), administrator(uid)
        watching = asyncio.ensure_future(_close_when_gone(connection, stream))
        try:
            await CallConnection(connection, auth, self._dispatcher, limits, allowance).run()
            watching.cancel()
            await stream.close(LINGER)
        finally:
            watching.cancel()
            stream.reset()


async def _close_when_gone(connection: Connection, stream: UnixStream) -> None:
    """Nobody is left to read an answer: what was asked is given up, subscriptions that have nothing to say as well."""
    await stream.gone()
    connection.close()


@contextlib.asynccontextmanager
async def open_control(
    path: Path,
    registry: OperationRegistry,
    limits: ControlLimits | Live[ControlLimits],
    call_limits: CallLimits | Live[CallLimits],
) -> AsyncIterator[ControlServer]:
    """A control socket at `path` that answers for the time of the block. Raises SocketTaken and OSError."""
    socket = LocalSocket.listen(path)
    server = ControlServer(socket, registry, limits, call_limits)
    try:
        await server.start()
        yield server
    finally:
        await server.close()
