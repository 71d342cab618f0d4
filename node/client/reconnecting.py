"""A client of `alknet/call` that outlives its connections: where one is lost, it dials anew.

What was under way when a connection was lost may have been done or not; only the caller knows whether it may be done
twice. So a call is repeated only where the caller says that it is a query. Everything else ends with an error.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import Any

from node.client.call import CallClient, outcomes
from node.client.link import Link
from node.core.errors import ConnectionClosed, StreamTimeout
from node.core.identity import Identity
from node.handlers.call.errors import CallError, timed_out
from node.quic.tls.keys import NodeKey

MAX_TRIES = 3
"""How often a query is asked at most: one that brings the node down must not do so for ever."""


class ReconnectingClient:
    """Calls operations of one node as `CallClient` does. While there is no connection, calls wait for the next one."""

    def __init__(self, link: Link) -> None:
        self._link = link

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(
        cls,
        address: str,
        *,
        key: NodeKey | None,
        pin: str | None,
        timeout: float = 10.0,
        longest_delay: float = 10.0,
        max_waiting: int = 1024,
    ) -> AsyncIterator["ReconnectingClient"]:
        """Dial as `CallClient.connect` does, which says what is raised, and again whenever the connection is lost.

        `timeout` is the seconds that each attempt may take, `longest_delay` those between two of them at most, and
        `max_waiting` the calls that may wait for a connection. A node that shows another key than the pinned one is
        never dialled again: all calls end with an error from then on, whose cause is PinMismatch. Leaving the block
        ends everything.
        """
        link = Link(lambda: CallClient.connect(address, key=key, pin=pin, timeout=timeout), longest_delay, max_waiting)
        async with link.running():
            yield cls(link)

    async def call(
        self,
        operation: str,
        value: Any = None,
        *,
        query: bool = False,
        auth_token: str | None = None,
        forwarded_for: Identity | None = None,
        timeout: float = 30.0,
    ) -> Any:
        """The output of one operation. Raises CallError.

        `timeout` in seconds covers all of it, the wait for a connection as well. With `query`, by which the caller says
        that the operation is one, it is asked again where the connection is lost before its answer has come.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        for left in reversed(range(MAX_TRIES if query else 1)):
            client = await self._connected(deadline)
            remains = deadline - asyncio.get_running_loop().time()
            try:
                return await client.call(
                    operation, value, auth_token=auth_token, forwarded_for=forwarded_for, timeout=remains
                )
            except CallError as error:
                if not self._noticed(client, error) or left == 0:
                    raise
        raise AssertionError("unreachable: the last try returns or raises")

    async def subscribe(
        self,
        operation: str,
        value: Any = None,
        *,
        auth_token: str | None = None,
        forwarded_for: Identity | None = None,
        timeout: float | None = None,
    ) -> AsyncGenerator[Any, None]:
        """The items of a subscription as `CallClient.subscribe` gives them.

        It ends with an error where the connection is lost: which items were missed, only the caller can find out. It
        can be asked again at once. `timeout` in seconds bounds the whole, the wait for a connection as well.
        """
        deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        client = await self._connected(deadline)
        remains = None if deadline is None else deadline - asyncio.get_running_loop().time()
        asked = client.subscribe(operation, value, auth_token=auth_token, forwarded_for=forwarded_for, timeout=remains)
        try:
            async with contextlib.aclosing(asked) as items:
                async for item in items:
                    yield item
        except CallError as error:
            self._noticed(client, error)
            raise

    async def batch(
        self,
        requests: Iterable[tuple[str, Any]],
        *,
        query: bool = False,
        auth_token: str | None = None,
        timeout: float = 30.0,
    ) -> list[Any]:
        """Run operations as `CallClient.batch` does; with `query`, all of them are queries."""
        return await outcomes(
            self.call(name, value, query=query, auth_token=auth_token, timeout=timeout) for name, value in requests
        )

    async def _connected(self, deadline: float | None) -> CallClient:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._link.client()
        except TimeoutError:
            raise timed_out() from None

    def _noticed(self, client: CallClient, error: CallError) -> bool:
        """Whether a call ended because its connection did. No call is made by that connection any more then."""
        lost = isinstance(error.__cause__, ConnectionClosed | StreamTimeout)
        if lost:
            self._link.lost(client)
        return lost
