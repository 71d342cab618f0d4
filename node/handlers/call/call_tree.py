"""Calls and the calls that they have others make: one tree for each request of a peer (spec call §7).

Each composed call runs in a task of its own, so that one can go on when whoever asked for it is gone. All others end
with their parent: by an abort, by a lost connection, by a time limit, or because the parent has simply ended.
"""

import asyncio
import weakref
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from node.core.live import Live, live
from node.core.tasks import TaskSet
from node.handlers.call.errors import CallError, internal
from node.handlers.call.limits import CallLimits

if TYPE_CHECKING:
    from node.handlers.call.env import Environment
    from node.handlers.call.operation import OperationContext

MAX_DEPTH = 64
"""Calls below one another. Operations that compose each other in a circle end here."""

Outcome = tuple[Any, CallError | None]


class AbortPolicy(StrEnum):
    """What becomes of a composed call that nobody waits for any more. It is inherited, and never on the wire."""

    ABORT_DEPENDENTS = "abort-dependents"
    CONTINUE_RUNNING = "continue-running"
    """It ends all the same if it has not begun, and begins no other call."""


class ComposedTasks:
    """The tasks of all composed calls of a node, and those of them that go on for nobody, of which there are few."""

    def __init__(self, limits: CallLimits | Live[CallLimits]) -> None:
        self._limits = live(limits)
        self._going_on: set[Call] = set()
        self.tasks = TaskSet()

    @property
    def going_on(self) -> int:
        """Calls that run on, although whoever asked for them gave up."""
        return len(self._going_on)

    def keep(self, call: "Call") -> bool:
        """Whether this call may go on. A peer could otherwise leave any number of them behind."""
        if call not in self._going_on and len(self._going_on) >= self._limits.value.max_continuing:
            return False
        self._going_on.add(call)
        return True

    def forget(self, call: "Call") -> None:
        self._going_on.discard(call)


class Call:
    """One call in the tree. Without a parent it is a peer's request, whose own task belongs to its connection."""

    __slots__ = (
        "_children",
        "_composed",
        "_context",
        "_depth",
        "_parent",
        "_takes_children",
        "_task",
        "env",
        "policy",
        "request_id",
        "started",
    )

    def __init__(
        self, composed: ComposedTasks, env: "Environment", context: "OperationContext", parent: "Call | None" = None
    ) -> None:
        """Raises CallError where the parent is over, or too deep."""
        self.env = env
        self.request_id = context.request_id
        self.policy = context.abort_policy
        self._context = weakref.ref(context)  # in no circle: secrets in a context end with its call
        self.started = parent is None
        self._composed = composed
        self._parent = parent
        self._children: set[Call] = set()
        self._takes_children = True
        self._task: asyncio.Task[Outcome] | None = None
        self._depth: int = 0 if parent is None else parent._depth + 1
        if parent is not None:
            parent._add(self)

    def below(self, context: "OperationContext") -> "Call":
        """A call that this one composes. Raises CallError."""
        return Call(self._composed, self.env, context, self)

    def belongs_to(self, context: "OperationContext") -> bool:
        """Whether it is the very context that this call was made for, and no copy of it."""
        return self._context() is context

    def check_open(self) -> None:
        """Raises CallError where it may begin no other call any more."""
        if not self._takes_children:
            raise _cancelled()

    def _add(self, child: "Call") -> None:
        self.check_open()
        if child._depth > MAX_DEPTH:
            raise internal(f"more than {MAX_DEPTH} calls below one another")
        self._children.add(child)

    async def run(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Run a composed call, and give its output. Raises CallError. Whoever is cancelled here gives the call up."""
        task = self._task = self._composed.tasks.spawn(self._settle(work), "composed call")
        task.add_done_callback(self.end)  # also where it is cancelled before it began
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError:
            self.give_up()
            raise
        if task.cancelled():
            raise _cancelled()
        output, error = task.result()
        if error is None:
            return output
        try:
            raise error
        finally:
            del error, task  # the error's traceback holds this frame

    async def _settle(self, work: Callable[[], Awaitable[Any]]) -> Outcome:
        self.started = True
        try:
            return await work(), None
        except CallError as error:
            return None, error

    def abort(self) -> list[str]:
        """Abort what descends from it, each call by its own policy, and let it begin no other.

        Gives the ids of the calls that were aborted, sorted, its own not among them. Harmless when repeated.
        """
        self._takes_children = False
        if not self._children:
            return []
        return sorted(request_id for child in tuple(self._children) for request_id in child.give_up())

    def give_up(self) -> list[str]:
        """The same for a composed call and what descends from it: nobody waits for it any more."""
        aborted = self.abort()
        if self._task is not None and not self._task.done() and not self._goes_on():
            self._task.cancel()
            aborted.append(self.request_id)
        return sorted(aborted)

    def _goes_on(self) -> bool:
        keeps = self.policy is AbortPolicy.CONTINUE_RUNNING
        return keeps and self.started and self._composed.keep(self)

    def end(self, _: object = None) -> None:
        """It is over, and what it left running is given up. Harmless when repeated."""
        self.abort()
        self._task = None  # what it ended with leads back to here
        self._composed.forget(self)
        if self._parent is not None:
            self._parent._children.discard(self)


def _cancelled() -> CallError:
    return internal("request cancelled")
