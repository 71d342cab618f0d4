"""A channel and a stream elsewhere, joined: bytes, ends and breaks of each are passed on to the other."""

import asyncio

from node.core.connection import BiStream
from node.core.errors import StreamError, StreamTimeout
from node.core.tasks import together
from node.handlers.ssh.channel import PACKET
from node.handlers.ssh.forwarding.channels import ForwardStream


class Relay:
    """Copies both ways, a packet in hand each way; each end is passed on, and the other side goes on."""

    def __init__(self, channel: ForwardStream, target: BiStream, idle_timeout: float) -> None:
        self._channel = channel
        self._target = target
        self._idle_timeout = idle_timeout
        self._moved = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Until both have ended; or the client has closed its channel, and all that it had sent is on its way.

        Raises StreamError where the target's side breaks, and StreamTimeout where nothing moves for too long.
        """
        async with together(self._up(), self._down(), self._nobody()) as tasks:
            await self._until_over(*tasks)

    async def _until_over(self, *tasks: "asyncio.Task[None]") -> None:
        up, down, nobody = tasks
        while not (up.done() and (down.done() or nobody.done())):
            left = self._moved + self._idle_timeout - asyncio.get_running_loop().time()
            if left <= 0:
                raise StreamTimeout
            running = [task for task in tasks if not task.done()]
            await asyncio.wait(running, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()

    async def _up(self) -> None:
        while data := await self._channel.read(PACKET):
            await self._target.write(data)
            self._moved = asyncio.get_running_loop().time()
        self._target.finish()

    async def _down(self) -> None:
        """A client that takes no more may have sent something still."""
        while data := await self._target.read(PACKET):
            try:
                await self._channel.write(data)
            except StreamError:
                await self._nobody()
                return
            self._moved = asyncio.get_running_loop().time()
        self._channel.finish()

    async def _nobody(self) -> None:
        await self._channel.stopped()
