"""Handlers that have the operation of another node run, and give what it gives (spec call §11, §13).

The peer judges us, and not whoever had us ask; on whose behalf that was, it is told as a claim. Whoever gives up here
has the peer told so, and there the abort goes on. The time limit is that of the call which this one belongs to.
"""

import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Any

from node.core.identity import Identity
from node.handlers.call.connection import CallConnection
from node.handlers.call.operation import OnceHandler, OperationContext, StreamHandler

OnBehalfOf = Callable[[OperationContext], Identity | None]
"""Whom the peer is told that a call is made for; None discloses nobody."""


def forward_once(calls: CallConnection, remote: str, on_behalf_of: OnBehalfOf, max_output: int) -> OnceHandler:
    """The handler of a query or mutation. An answer of more than `max_output` bytes is an error."""

    async def forward(value: Any, context: OperationContext) -> Any:
        claim = on_behalf_of(context)
        return await calls.call(remote, value, forwarded_for=claim, timeout=None, max_output=max_output)

    return forward


def forward_stream(calls: CallConnection, remote: str, on_behalf_of: OnBehalfOf) -> StreamHandler:
    """The handler of a subscription, each item as it comes."""

    async def forward(value: Any, context: OperationContext) -> AsyncGenerator[Any, None]:
        claim = on_behalf_of(context)
        async with contextlib.aclosing(calls.subscribe(remote, value, forwarded_for=claim)) as items:
            async for item in items:
                yield item

    return forward
