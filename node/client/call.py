"""A client of `alknet/call`: one connection, any number of calls at once."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterable
from typing import Any

from node.client.dial import dial
from node.core.connection import CLOSE_NORMAL, Connection
from node.core.identity import AuthContext, Identity
from node.handlers.call.allowance import Allowances
from node.handlers.call.connection import CallConnection
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.errors import CallError
from node.handlers.call.handler import ALPN
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import OperationRegistry
from node.quic.tls.keys import NodeKey


class CallClient:
    """Calls operations of the node that it is connected to. It offers none of its own: every call back is NOT_FOUND."""

    def __init__(self, connection: Connection, limits: CallLimits | None = None) -> None:
        limits = limits or CallLimits()
        self.connection = connection
        connection.keep_alive()  # an operation may be silent for longer than a connection may
        dispatcher = Dispatcher(OperationRegistry(), _nobody, limits)
        # The node was pinned, so it has a peer's allowance.
        allowance = Allowances(limits).of_peer()
        self._calls = CallConnection(connection, AuthContext.anonymous(ALPN), dispatcher, limits, allowance)

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(
        cls, address: str, *, key: NodeKey | None, pin: str | None, timeout: float = 10.0
    ) -> AsyncIterator["CallClient"]:
        """Dial `address` (HOST, HOST:PORT or [IPV6]:PORT), showing `key` and insisting on `pin`. Raises DialError."""
        connection = await dial(address, ALPN, key=key, pin=pin, timeout=timeout)
        client = cls(connection)
        serving = asyncio.create_task(client._calls.run(), name="call client")
        try:
            yield client
        finally:
            connection.close(CLOSE_NORMAL, "")
            await serving

    @property
    def ended(self) -> bool:
        """Whether the connection is known to be over: no call can be made any more."""
        return self._calls.ended

    async def call(
        self,
        operation: str,
        value: Any = None,
        *,
        auth_token: str | None = None,
        forwarded_for: Identity | None = None,
        timeout: float = 30.0,
    ) -> Any:
        """The output of one operation. Raises CallError, whose cause tells how a lost connection was closed.

        `forwarded_for` names on whose behalf this is asked: a claim, which gives no rights. `timeout` is in seconds;
        after it, and where the caller is cancelled, the node is told that the output is not wanted any more.
        """
        return await self._calls.call(
            operation, value, auth_token=auth_token, forwarded_for=forwarded_for, timeout=timeout
        )

    def subscribe(
        self,
        operation: str,
        value: Any = None,
        *,
        auth_token: str | None = None,
        forwarded_for: Identity | None = None,
        timeout: float | None = None,
    ) -> AsyncGenerator[Any, None]:
        """The items of a subscription, asked for once this is iterated. Raises CallError while it is.

            async with contextlib.aclosing(client.subscribe("clock/ticks")) as ticks:
                async for tick in ticks: ...

        Closing it tells the node that no more is wanted; an iterator that is only dropped does so once it is collected.
        A reader that is slow slows the node down. `timeout` in seconds bounds the whole. A query gives its one output.
        """
        return self._calls.subscribe(
            operation, value, auth_token=auth_token, forwarded_for=forwarded_for, timeout=timeout
        )

    async def batch(
        self, requests: Iterable[tuple[str, Any]], *, auth_token: str | None = None, timeout: float = 30.0
    ) -> list[Any]:
        """Run operations, given as (name, input), all at once: for each its output, or the CallError that it raised.

        They may run in any order. `timeout` in seconds is that of each.
        """
        return await outcomes(
            self.call(name, value, auth_token=auth_token, timeout=timeout) for name, value in requests
        )


async def outcomes(calls: Iterable[Awaitable[Any]]) -> list[Any]:
    """What calls that run at once end with, in their order: for each its output, or the CallError that it raised."""
    return await asyncio.gather(*(_outcome(call) for call in calls))


async def _outcome(call: Awaitable[Any]) -> Any:
    try:
        return await call
    except CallError as error:
        return error


def _nobody(_: AuthContext, __: str | None) -> Identity | None:
    return None
