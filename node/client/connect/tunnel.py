"""The way to a node that is made anew whenever it is lost; whoever wants something meanwhile waits for it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from node.client.backoff import Backoff
from node.client.connect.link import SshLink
from node.client.connect.sign_in import AnotherHostKey, SignInRefused, SshFailed
from node.core.connection import BiStream
from node.core.errors import (
    NO_APPLICATION_PROTOCOL,
    ConnectionClosed,
    DialError,
    HandshakeError,
    PinMismatch,
    TlsConfigError,
)
from node.core.text import printable

FIRST_DELAY, LONGEST_DELAY = 1.0, 30.0
"""Seconds before the node is dialled again: doubled with each failure, a part left off by chance."""

Dial = Callable[[], Awaitable[SshLink]]
Tell = Callable[[str], None]
"""Tells the user of a change, in one line."""
WhileLinked = Callable[[SshLink], Awaitable[None]]
"""Something that is done as long as a connection lasts, and cancelled with it."""


class Tunnel:
    """Opens channels through the connection that there is, or the next one."""

    def __init__(self, dial: Dial, tell: Tell, backoff: Backoff | None = None) -> None:
        self._dial = dial
        self._tell = tell
        self._backoff = backoff or Backoff(FIRST_DELAY, LONGEST_DELAY)
        self._link: SshLink | None = None
        self._linked = asyncio.Event()
        self._waiting = 0
        self._wanted = asyncio.Event()
        """Set while somebody waits for a connection."""
        self._was_linked = False

    async def open(self, host: str, port: int) -> BiStream:
        """A channel to there. Waits for a connection for ever; whoever calls bounds it. Raises OpenFailed.

        Where a connection is lost before it has opened the channel, the next one is asked.
        """
        while True:
            link = await self._next()
            with contextlib.suppress(ConnectionClosed):
                return await link.open(host, port)
            self._lost(link)
            link.close()  # that it is useless is known here first

    async def run(self, beside: WhileLinked) -> None:
        """Keep a connection for ever; with each of them, `beside` runs. Cancelled, it closes the one that there is.

        Raises PinMismatch, TlsConfigError and AnotherHostKey at any time; before the first connection also
        SignInRefused, and HandshakeError where the node does not serve SSH: both may pass in a node that did so before.
        """
        while True:
            lasted = await self._once(beside)
            delay = self._backoff.delay(lasted)
            self._tell(f"dialling again in {delay:.1f} s")
            await self._pause(delay)

    async def _pause(self, delay: float) -> None:
        """Whoever wants a channel, since before or from now on, need not wait longer than the first delay."""
        await asyncio.sleep(min(delay, self._backoff.first))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay - self._backoff.first):
                await self._wanted.wait()

    async def _once(self, beside: WhileLinked) -> float:
        """Seconds that one more connection lasted; 0 where there was none."""
        try:
            link = await self._dial()
        except (DialError, SshFailed, SignInRefused, AnotherHostKey) as error:
            if self._is_final(error):
                raise
            self._tell(f"no connection: {printable(str(error))}")
            return 0.0
        try:
            return await self._hold(link, beside)
        finally:
            self._lost(link)
            link.close()

    async def _hold(self, link: SshLink, beside: WhileLinked) -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._offer(link)
        helping = asyncio.ensure_future(beside(link))
        try:
            end = await link.wait_closed()
        finally:
            helping.cancel()
            await asyncio.wait((helping,))
        self._tell(f"connection lost: {printable(end.reason)}" if end.reason else "connection lost")
        return loop.time() - began

    async def _next(self) -> SshLink:
        while self._link is None:
            await self._wait()
        return self._link

    async def _wait(self) -> None:
        self._waiting += 1
        self._wanted.set()
        try:
            await self._linked.wait()
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._wanted.clear()

    def _offer(self, link: SshLink) -> None:
        self._link, self._was_linked = link, True
        self._linked.set()
        self._tell("connected")

    def _lost(self, link: SshLink) -> None:
        if self._link is link:
            self._link = None
            self._linked.clear()

    def _is_final(self, error: Exception) -> bool:
        match error:
            case PinMismatch() | TlsConfigError() | AnotherHostKey():
                return True
            case SignInRefused():
                return not self._was_linked
            case HandshakeError(code=code):
                return code == NO_APPLICATION_PROTOCOL and not self._was_linked
            case _:
                return False
