"""The connection that a reconnecting client has at the moment, if any, and the making of the next one."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

from node.client.backoff import Backoff
from node.client.call import CallClient
from node.core.errors import ConnectionClosed, DialError, PinMismatch, TlsConfigError
from node.handlers.call.errors import CallError, ErrorCode, internal

Dial = Callable[[], AbstractAsyncContextManager[CallClient]]

logger = logging.getLogger(__name__)


class Link:
    """Holds one connected client at a time, made by `dial`; at most `max_waiting` callers wait for the next."""

    def __init__(self, dial: Dial, longest_delay: float, max_waiting: int) -> None:
        self._dial = dial
        self._backoff = Backoff(min(0.2, longest_delay), longest_delay)
        self._max_waiting = max_waiting
        self._waiting = 0
        self._client: CallClient | None = None
        self._end: BaseException | None = None
        self._changed = asyncio.Event()
        """Set while there is a client, and once there will be none any more."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connected when this begins; raises what the first dial raises. Nothing is left once it is over."""
        async with contextlib.AsyncExitStack() as held:
            client = await held.enter_async_context(self._dial())
            self._offer(client)
            keeping = asyncio.create_task(self._keep(client, held), name="reconnecting client")
            try:
                yield
            finally:
                self._finish(ConnectionClosed())
                keeping.cancel()
                await asyncio.wait((keeping,))

    async def client(self) -> CallClient:
        """The one that is connected, or the next that is. Raises CallError once there can be none any more."""
        if self._client is not None and self._client.ended:
            self.lost(self._client)
        if not self._changed.is_set():
            await self._wait()
        if self._end is not None:
            raise _never_again(self._end)
        return self._client if self._client is not None else await self.client()

    async def _wait(self) -> None:
        if self._waiting >= self._max_waiting:
            raise CallError(ErrorCode.INTERNAL, "too many calls wait for a connection", retryable=True)
        self._waiting += 1
        try:
            await self._changed.wait()
        finally:
            self._waiting -= 1

    def lost(self, client: CallClient) -> None:
        """The connection of `client` has ended; harmless when repeated, and when another has taken its place."""
        client.connection.close()
        if self._client is client:
            self._client = None
            if self._end is None:
                self._changed.clear()

    def _offer(self, client: CallClient) -> None:
        self._client = client
        self._changed.set()

    def _finish(self, end: BaseException) -> None:
        self._end = self._end or end
        self._changed.set()

    async def _keep(self, client: CallClient, held: contextlib.AsyncExitStack) -> None:
        """Dial whenever the connection has ended, until that has become senseless."""
        try:
            lasted = await self._watch(client, held)
            while True:
                delay = self._backoff.delay(lasted)
                logger.info("connection lost; dialling again", extra={"seconds": round(delay, 3)})
                await asyncio.sleep(delay)
                lasted = await self._once_more()
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits is told
            logger.warning("the node is not dialled again", extra={"error": str(error)})
            self._finish(error)

    async def _once_more(self) -> float:
        """Seconds that one more connection lasted, 0 where there was none. Raises what no repetition can mend."""
        async with contextlib.AsyncExitStack() as stack:
            try:
                client = await stack.enter_async_context(self._dial())
            except (PinMismatch, TlsConfigError):
                raise
            except (DialError, OSError):
                return 0.0
            self._offer(client)
            return await self._watch(client, stack.pop_all())

    async def _watch(self, client: CallClient, held: contextlib.AsyncExitStack) -> float:
        """Seconds until the connection has ended. Everybody who waits for something of it is told by then."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with held:
            try:
                await client.connection.wait_closed()
            finally:
                self.lost(client)
        return loop.time() - began


def _never_again(cause: BaseException) -> CallError:
    closed = isinstance(cause, ConnectionClosed)
    error = internal("connection closed" if closed else f"the node is not dialled again: {cause}")
    error.__cause__ = cause
    return error
