"""A client of `alknet/call`: one connection, any number of calls at once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from node.client.dial import dial
from node.core.connection import CLOSE_NORMAL, Connection
from node.core.identity import AuthContext, Identity
from node.handlers.call.budget import Allowances
from node.handlers.call.connection import CallConnection
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.handler import ALPN
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import OperationRegistry
from node.quic.tls.keys import NodeKey


class CallClient:
    """Calls operations of the node that it is connected to. It offers none of its own: every call back is NOT_FOUND."""

    def __init__(self, connection: Connection, limits: CallLimits | None = None) -> None:
        limits = limits or CallLimits()
        self.connection = connection
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

    async def call(
        self, operation: str, value: Any = None, *, auth_token: str | None = None, timeout: float = 30.0
    ) -> Any:
        """The output of one operation. Raises CallError, whose cause tells how a lost connection was closed."""
        return await self._calls.call(operation, value, auth_token=auth_token, timeout=timeout)


def _nobody(_: AuthContext, __: str | None) -> Identity | None:
    return None
