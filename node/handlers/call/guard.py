"""What a registered handler may let out: the errors that it announced and, in development, only outputs that fit.

The registry puts this around every handler, so it holds for whoever calls the operation: the wire or another handler.
"""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, NoReturn, Protocol

from node.handlers.call.errors import CallError


class Announcement(Protocol):
    """What an operation promises."""

    def announced(self, error: CallError) -> CallError: ...

    def check_output(self, value: Any) -> None: ...

    def check_details(self, error: CallError) -> None: ...


Once = Callable[[Any, Any], Awaitable[Any]]
Stream = Callable[[Any, Any], AsyncGenerator[Any, None]]


def guard_once(operation: Announcement, handler: Once, *, development: bool) -> Once:
    """The handler of a query or a mutation, held to what its operation announces."""

    async def once(value: Any, context: Any) -> Any:
        try:
            output = await handler(value, context)
        except CallError as error:
            _raise_announced(operation, error, development=development)
        if development:
            operation.check_output(output)
        return output

    return once


def guard_stream(operation: Announcement, handler: Stream, *, development: bool) -> Stream:
    """The same for a subscription. Closing it closes the handler."""

    async def stream(value: Any, context: Any) -> AsyncGenerator[Any, None]:
        async with contextlib.aclosing(handler(value, context)) as items:
            try:
                async for item in items:
                    if development:
                        operation.check_output(item)
                    yield item
            except CallError as error:
                _raise_announced(operation, error, development=development)

    return stream


def _raise_announced(operation: Announcement, error: CallError, *, development: bool) -> NoReturn:
    """Raise what the caller is told of an error, which its handler may not have announced (deviation D13)."""
    if development:
        operation.check_details(error)
    told = operation.announced(error)
    try:
        if told is error:
            raise error
        raise told from error
    finally:
        del told, error  # a traceback that leads to itself would keep the context, and what secrets it leads to
