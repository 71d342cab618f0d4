"""Our own requests until their terminal event (spec call §5)."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import msgspec

from node.handlers.call import envelope as events
from node.handlers.call.charge import Charge
from node.handlers.call.errors import CallError, ErrorCode, internal, timed_out
from node.handlers.call.limits import MAX_FRAME, CallLimits


class AnswerTooLarge(CallError):
    """The peer's answer has more bytes than were to be taken; it was not looked at."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(ErrorCode.INTERNAL, f"the answer has {size} bytes; {limit} are taken")


class Pending(ABC):
    """One request in flight. Each event is told it once; after its end it takes no more."""

    def __init__(self, request_id: str) -> None:
        self.id = request_id
        self.over = False
        """The peer knows that it is over, or cannot be told: it is sent no abort."""
        self.set_aside: Callable[[], AbstractContextManager[None]] = nullcontext
        """What to hold while the stream of its answers is not read."""

    @abstractmethod
    async def responded(self, output: msgspec.Raw, charge: Charge, *, alone: bool) -> None:
        """An output has come. Where it came `alone`, by a stream that carries no other's, this may wait for room."""

    def take(self, body: bytes) -> bool:
        """Whether this frame's body was the output that is waited for, and has been read: it need not be decoded."""
        return False

    @abstractmethod
    def completed(self) -> None: ...

    @abstractmethod
    def aborted(self) -> None: ...

    @abstractmethod
    def fail(self, error: CallError) -> None:
        """It ends here, whatever the peer still does about it."""

    def failed(self, error: CallError) -> None:
        """It has ended with an error, for the peer as well."""
        self.over = True
        self.fail(error)

    def lose(self, error: CallError) -> None:
        """The connection is gone, and with it the count of what it made us hold."""
        self.failed(error)

    @abstractmethod
    def close(self) -> None:
        """Nobody waits for it any more."""


class PendingCall(Pending):
    """Waits for one output."""

    def __init__(self, request_id: str, max_output: int = MAX_FRAME) -> None:
        super().__init__(request_id)
        self._max_output = max_output
        self._result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.may_go_on = False
        """It was answered with an output, and if it was a subscription, more will follow."""
        self.went_on = False
        """More has followed."""

    def take(self, body: bytes) -> bool:
        if self._result.done() or len(body) > self._max_output:
            return False
        answer = events.read_answer(body, self.id)
        if answer is None:
            return False
        self.over = self.may_go_on = True
        self._result.set_result(answer.payload.output)
        return True

    async def responded(self, output: msgspec.Raw, charge: Charge, *, alone: bool) -> None:
        charge.release()
        self.went_on = self.may_go_on
        if not self._result.done():
            self.over = self.may_go_on = True
            self._settle(output)

    def _settle(self, output: msgspec.Raw) -> None:
        if len(output) > self._max_output:
            self.fail(AnswerTooLarge(len(output), self._max_output))
            return
        try:
            self._result.set_result(events.read_output(output))
        except CallError as error:
            self.fail(error)

    def failed(self, error: CallError) -> None:
        self.may_go_on = self.went_on = False
        super().failed(error)

    def completed(self) -> None:
        self.failed(internal("request cancelled"))

    def aborted(self) -> None:
        self.failed(internal("request cancelled"))

    def fail(self, error: CallError) -> None:
        if not self._result.done():
            self._result.set_exception(error)

    def expire(self) -> None:
        """Its time is over."""
        self.fail(timed_out())

    async def result(self) -> Any:
        """The output. Raises CallError."""
        return await self._result

    def close(self) -> None:
        """An answer that came too late for anybody to look at is nothing that asyncio need complain about."""
        if not self._result.cancel() and not self._result.cancelled():
            self._result.exception()


class PendingStream(Pending):
    """Keeps the items that its reader has not taken yet: so many, and so many bytes of them, or one."""

    def __init__(self, request_id: str, limits: CallLimits, deadline: float | None = None) -> None:
        """`deadline` is in the loop's time, in seconds."""
        super().__init__(request_id)
        self._limits = limits
        self._deadline = deadline
        self._items: deque[tuple[msgspec.Raw, Charge]] = deque()
        self._bytes = 0
        self._had_item = False
        self._end: Exception | None = None
        self._readable = asyncio.Event()
        self._room = asyncio.Event()

    async def responded(self, output: msgspec.Raw, charge: Charge, *, alone: bool) -> None:
        if alone and self._end is None and self._is_full():
            with self.set_aside():
                await self._has_room()
        if self._end is None and self._is_full():
            self.fail(internal("the items were not taken as fast as they came"))
        if self._end is not None:
            charge.release()
            return
        self._items.append((output, charge))
        self._bytes += len(output)
        self._had_item = True
        self._readable.set()

    async def _has_room(self) -> None:
        while self._end is None and self._is_full():
            self._room.clear()
            await self._room.wait()

    def _is_full(self) -> bool:
        return len(self._items) >= self._limits.max_unread_items or self._bytes >= self._limits.max_unread

    def completed(self) -> None:
        self.over = True
        self._finish(StopAsyncIteration())

    def aborted(self) -> None:
        """The peer gave up serving it: the end, and no error."""
        self.completed()

    def stream_ended(self) -> None:
        """After an item, that was a query: it has one answer, and no other end (spec call §5)."""
        if self._had_item:
            self.completed()

    def fail(self, error: CallError) -> None:
        self._finish(error)

    def __aiter__(self) -> "PendingStream":
        return self

    async def __anext__(self) -> Any:
        """The next item. Raises CallError, TIMEOUT once the deadline has passed, whatever has come meanwhile."""
        if self._deadline is not None and asyncio.get_running_loop().time() >= self._deadline:
            raise timed_out()
        if not self._items:
            await self._something()
        output, charge = self._items.popleft()
        self._bytes -= len(output)
        charge.release()
        self._room.set()
        return events.read_output(output)

    async def _something(self) -> None:
        """Wait for an item. Raises the end, where there is none to come."""
        try:
            async with asyncio.timeout_at(self._deadline):
                while not self._items:
                    if self._end is not None:
                        raise self._end
                    self._readable.clear()
                    await self._readable.wait()
        except TimeoutError:
            raise timed_out() from None

    def lose(self, error: CallError) -> None:
        """What has come can still be read."""
        self.failed(error)
        for _, charge in self._items:
            charge.release()

    def _finish(self, end: Exception) -> None:
        if self._end is None:
            self._end = end
            self._readable.set()
            self._room.set()

    def close(self) -> None:
        self._finish(StopAsyncIteration())
        while self._items:
            self._items.popleft()[1].release()
