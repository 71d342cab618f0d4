"""One Unix stream socket as a duplex stream of node.core, which tells when the other side has gone."""

import asyncio
import select

from node.socket_stream import SocketStream

LOOK_EVERY = 1.0
"""Seconds from one look at whether the other side is there to the next."""


class UnixStream(SocketStream):
    """Of the control socket."""

    async def gone(self) -> None:
        """Wait until the other side has closed its socket, as the system does for a process that ends.

        One that has only ended its sending still reads; an end of its stream does not tell the one from the other.
        """
        watched = select.poll()
        watched.register(self._writer.get_extra_info("socket"), 0)
        while not (self._dropped or self._writer.is_closing() or watched.poll(0)):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(LOOK_EVERY)
