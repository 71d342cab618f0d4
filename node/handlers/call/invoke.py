"""Running an operation that its caller may run: once, or as a stream (spec call §6 (e), (f))."""

import asyncio
import contextlib
import inspect
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from types import CoroutineType
from typing import Any

from node.core.tasks import is_cancelled
from node.core.within import within
from node.handlers.call.errors import CallError, ErrorCode, internal, timed_out
from node.handlers.call.operation import Operation, OperationContext, OperationType

logger = logging.getLogger(__name__)


async def invoke(operation: Operation, value: Any, context: OperationContext) -> Any:
    """The output of a query or mutation. Raises CallError, and nothing else but a cancellation of the caller."""
    if operation.op_type is OperationType.SUBSCRIPTION:
        raise _wrong_type(operation, "is a subscription")
    if context.deadline is None:
        return await _output(operation, value, context)
    left = context.deadline - asyncio.get_running_loop().time()
    try:
        return await within(left, _output(operation, value, context))
    except TimeoutError:
        raise timed_out() from None


async def _output(operation: Operation, value: Any, context: OperationContext) -> Any:
    """The same, however long it takes."""
    try:
        answer = operation.handler(value, context)
        if not (isinstance(answer, CoroutineType) or inspect.isawaitable(answer)):  # the former is quick to ask
            raise _wrong_type(operation, "streams its results")
        return await answer
    except CallError:
        raise
    except Exception as error:
        raise _fault(operation, error, context) from error
    except asyncio.CancelledError as error:
        if is_cancelled():
            raise
        raise _fault(operation, error, context) from None


async def invoke_streaming(operation: Operation, value: Any, context: OperationContext) -> AsyncGenerator[Any, None]:
    """The items of a subscription as they come; closing this closes the handler. Raises what `invoke` raises."""
    if operation.op_type is not OperationType.SUBSCRIPTION:
        raise _wrong_type(operation, "is not a subscription")
    try:
        async with _closing(operation, operation.handler(value, context)) as items:
            async for item in items:
                yield item
    except CallError:
        raise
    except Exception as error:
        raise _fault(operation, error, context) from error
    except asyncio.CancelledError as error:
        if is_cancelled():
            raise
        raise _fault(operation, error, context) from None


@contextlib.asynccontextmanager
async def _closing(operation: Operation, items: Any) -> AsyncIterator[AsyncIterator[Any]]:
    """What a handler gave, closed at the end where it can be."""
    if not isinstance(items, AsyncIterator):
        if inspect.iscoroutine(items):
            items.close()
        raise _wrong_type(operation, "gives one result")
    try:
        yield items
    finally:
        if (aclose := getattr(items, "aclose", None)) is not None:
            await aclose()


def _wrong_type(operation: Operation, why: str) -> CallError:
    return CallError(ErrorCode.INVALID_OPERATION_TYPE, f"{operation.name} {why}")


def _fault(operation: Operation, error: BaseException, context: OperationContext) -> CallError:
    """A mistake of the operation: told in the journal, and to no caller.

    Past its deadline a handler was cancelled, and whatever it made of that, its caller is told of the deadline (spec
    call §14). A TimeoutError is no mistake then.
    """
    late = context.deadline is not None and context.deadline <= asyncio.get_running_loop().time()
    if not (late and isinstance(error, TimeoutError)):
        logger.error("operation failed", extra={"operation": operation.name}, exc_info=error)
    return timed_out() if late else internal("internal error")
