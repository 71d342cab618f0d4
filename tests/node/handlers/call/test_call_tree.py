"""Aborts cascade over real trees of tasks: the facts of spec call §7, over trees of any shape."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.access import AccessControl
from node.core.identity import AuthContext
from node.core.index import IndexProvider
from node.handlers.call.authority import ScopedEnvironment
from node.handlers.call.call_tree import AbortPolicy, Call
from node.handlers.call.errors import CallError
from node.handlers.call.handler import ALPN, CallHandler
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry
from tests.support.composing import Composing
from tests.support.quic import settled
from tests.support.raw_call import RawPeer
from tests.support.streams import connection_pair

DEPENDENT, CONTINUE = AbortPolicy.ABORT_DEPENDENTS, AbortPolicy.CONTINUE_RUNNING
IN_REACH = ("tree/run",)


@dataclass(frozen=True)
class Plan:
    """One call of a tree: the policy that its parent gives it, if any, and the calls that it makes, all at once."""

    policy: AbortPolicy | None = None
    children: tuple["Plan", ...] = ()


def plans(depth: int) -> st.SearchStrategy[Plan]:
    below = st.just(()) if depth == 0 else st.lists(plans(depth - 1), max_size=3).map(tuple)
    return st.builds(Plan, st.sampled_from([None, DEPENDENT, CONTINUE]), below)


@dataclass
class Grove:
    """Runs plans, and knows which of their calls have begun, which have finished, and which were cancelled."""

    limits: CallLimits = field(default_factory=CallLimits)
    begun: set[str] = field(default_factory=set)
    finished: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.release = asyncio.Event()
        self.node = Composing(self.limits)
        reach = ScopedEnvironment(frozenset(IN_REACH))
        self.node.registry.register(Operation("tree/run", self.grow, scoped_env=reach))

    async def grow(self, plan: Plan, context: OperationContext) -> None:
        me = context.request_id
        self.begun.add(me)
        try:
            calls = (self.ask(child, context) for child in plan.children)
            await asyncio.gather(*calls, return_exceptions=True)
            await self.release.wait()
            self.finished.add(me)
        except asyncio.CancelledError:
            self.cancelled.add(me)
            raise

    async def ask(self, plan: Plan, context: OperationContext) -> None:
        if plan.policy is None:
            await context.env.invoke("tree", "run", plan, context)
        else:
            await context.env.invoke_with_policy("tree", "run", plan, context, plan.policy)

    def plant(self, plan: Plan) -> tuple[Call, asyncio.Task[Any]]:
        """The root call of a plan, and the task of its handler."""

        async def work(context: OperationContext) -> None:
            await self.grow(plan, context)

        invocation = self.node.invocation(work, allowed=IN_REACH)
        root = asyncio.create_task(invocation.once())
        root.add_done_callback(invocation.call.end)
        return invocation.call, root

    @property
    def composed(self) -> Any:
        return self.node.roots.composed

    async def idle(self) -> None:
        async with asyncio.timeout(60):
            await self.composed.tasks.idle()


def descendants(call: Call) -> Iterator[Call]:
    for child in call._children:
        yield child
        yield from descendants(child)


def size(plan: Plan) -> int:
    return 1 + sum(map(size, plan.children))


def survives(call: Call, begun: set[str]) -> bool:
    """The rule in its own words: what continues, and had begun, finishes."""
    return call.policy is CONTINUE and call.request_id in begun


@given(plan=plans(3), sibling=plans(2), turns=st.integers(0, 12))
@settings(max_examples=150, deadline=None)
def test_an_abort_ends_what_descends_from_it_each_by_its_own_policy(plan: Plan, sibling: Plan, turns: int) -> None:
    asyncio.run(abort_after(plan, sibling, turns))


async def abort_after(plan: Plan, sibling: Plan, turns: int) -> None:
    grove, neighbour = Grove(), Grove()
    neighbour.node.roots = grove.node.roots
    call, root = grove.plant(plan)
    other, other_root = neighbour.plant(sibling)
    for _ in range(turns):
        await asyncio.sleep(0)
    below, begun = list(descendants(call)), set(grove.begun)
    ids = {child.request_id for child in below}
    kept = {child.request_id for child in below if survives(child, begun)}
    aborted = call.abort()
    assert aborted == sorted(ids - kept)
    assert call.abort() == aborted  # none of them has had its turn yet
    root.cancel()
    await asyncio.wait([root])
    for _ in range(20):
        await asyncio.sleep(0)
    assert grove.composed.going_on == len(kept)
    assert call.abort() == []
    for woods in (grove, neighbour):
        woods.release.set()
    await asyncio.wait([other_root])
    await grove.idle()
    assert grove.begun == begun
    assert kept <= grove.finished
    assert not (ids - kept) & grove.finished
    assert (begun & ids) - kept == grove.cancelled & ids
    assert len(neighbour.finished) == size(sibling)
    assert (len(grove.composed.tasks), grove.composed.going_on) == (0, 0)
    assert not call._children
    assert not other._children


CHAIN = Plan(children=(Plan(CONTINUE, (Plan(), Plan(DEPENDENT))), Plan()))


async def until(grove: Grove, count: int) -> None:
    async with asyncio.timeout(60):
        while len(grove.begun) < count:
            await asyncio.sleep(0)


async def test_a_request_that_is_over_has_nothing_to_abort() -> None:
    grove = Grove()
    call, root = grove.plant(CHAIN)
    grove.release.set()
    await root
    assert (call.abort(), len(grove.finished)) == ([], 5)


async def test_a_lost_connection_cascades_like_an_abort() -> None:
    """The root's own task is cancelled, and nobody has called abort."""
    grove = Grove()
    call, root = grove.plant(CHAIN)
    await until(grove, 5)
    kept = {child.request_id for child in descendants(call) if survives(child, grove.begun)}
    root.cancel()
    await asyncio.wait([root])
    grove.release.set()
    await grove.idle()
    assert grove.finished == kept
    assert len(kept) == 2


async def test_what_goes_on_begins_no_other_call() -> None:
    grove = Grove()
    errors: list[CallError] = []
    begun = asyncio.Event()

    async def late(_: Any, context: OperationContext) -> None:
        begun.set()
        await grove.release.wait()
        try:
            await context.env.invoke("tree", "run", Plan(), context)
        except CallError as error:
            errors.append(error)

    reach = ScopedEnvironment(frozenset(IN_REACH))
    grove.node.registry.register(Operation("late/run", late, scoped_env=reach))

    async def work(context: OperationContext) -> None:
        await context.env.invoke_with_policy("late", "run", None, context, CONTINUE)

    invocation = grove.node.invocation(work, allowed=("late/run",))
    root = asyncio.create_task(invocation.once())
    await begun.wait()
    assert invocation.call.abort() == []
    root.cancel()
    grove.release.set()
    await grove.idle()
    assert [(error.code, error.message) for error in errors] == [("INTERNAL", "request cancelled")]
    assert not grove.begun


async def test_few_calls_go_on_for_nobody_and_the_rest_are_aborted() -> None:
    grove = Grove(CallLimits(max_continuing=2))
    call, root = grove.plant(Plan(children=(Plan(CONTINUE),) * 5))
    await until(grove, 6)
    assert len(call.abort()) == 3
    root.cancel()
    await asyncio.wait([root])
    assert grove.composed.going_on == 2
    grove.release.set()
    await grove.idle()
    assert (len(grove.finished), grove.composed.going_on) == (2, 0)


async def test_a_handler_that_stops_waiting_gives_the_call_up() -> None:
    grove = Grove()

    async def work(context: OperationContext) -> str:
        waiting = asyncio.create_task(grove.ask(CHAIN, context))
        await until(grove, 5)
        waiting.cancel()
        async with asyncio.timeout(60):
            while len(grove.cancelled) < 3:
                await asyncio.sleep(0)
        return "went on without it"

    assert await grove.node.run(work, allowed=IN_REACH) == "went on without it"
    grove.release.set()
    await grove.idle()
    assert len(grove.finished) == 2


async def test_a_handler_that_ends_leaves_nothing_running() -> None:
    grove = Grove()
    left: list[asyncio.Task[None]] = []

    async def work(context: OperationContext) -> None:
        left.append(asyncio.create_task(grove.ask(Plan(), context)))
        await until(grove, 1)

    await grove.node.run(work, allowed=IN_REACH)
    await grove.idle()
    with pytest.raises(CallError, match="request cancelled"):
        await left[0]
    assert (len(grove.cancelled), len(grove.finished)) == (1, 0)


@pytest.mark.parametrize("ending", ["output", "error", "abort"])
async def test_what_a_context_held_is_gone_as_soon_as_its_call_is(ending: str) -> None:
    """Without the collector's help: a context leads to secrets, which are wiped once nobody has them."""
    node, contexts, waiting = Composing(), list[weakref.ref[OperationContext]](), asyncio.Event()

    async def leaf(_: Any, context: OperationContext) -> None:
        contexts.append(weakref.ref(context))
        if ending == "error":
            raise CallError("INTERNAL", "boom")
        if ending == "abort":
            waiting.set()
            await asyncio.Event().wait()

    async def work(context: OperationContext) -> None:
        contexts.append(weakref.ref(context))
        await context.env.invoke("leaf", "run", None, context)

    node.registry.register(Operation("leaf/run", leaf))
    gc.collect()
    gc.disable()
    try:
        running = asyncio.create_task(node.run(work, allowed=("leaf/run",)))
        if ending == "abort":
            await waiting.wait()
            running.cancel()
        await asyncio.wait([running])
        del running
        await node.roots.composed.tasks.idle()
        await asyncio.sleep(0)
        assert [context() for context in contexts] == [None, None]
    finally:
        gc.enable()


@pytest.mark.parametrize("ending", ["output", "error", "abort", "gone"])
async def test_what_a_requests_context_held_is_gone_as_soon_as_it_is_answered(ending: str) -> None:
    contexts, waiting = list[weakref.ref[OperationContext]](), asyncio.Event()

    async def top(_: Any, context: OperationContext) -> None:
        contexts.append(weakref.ref(context))
        if ending == "error":
            raise CallError("INTERNAL", "boom")
        if ending in ("abort", "gone"):
            waiting.set()
            await asyncio.Event().wait()

    registry = OperationRegistry()
    registry.register(Operation("top/run", top))
    theirs, ours = connection_pair(ALPN)
    calls = CallHandler(registry, IndexProvider(), CallLimits()).calls(ours, AuthContext.anonymous(ALPN))
    running = asyncio.create_task(calls.run())
    gc.collect()
    gc.disable()
    try:
        async with RawPeer(theirs) as raw:
            await raw.request("1", "top/run")
            if ending in ("abort", "gone"):
                await waiting.wait()
            if ending == "abort":
                await raw.send("call.aborted", "1")
            elif ending == "gone":
                theirs.close()
            else:
                await raw.next("1")
            await settled(lambda: contexts and contexts[0]() is None)
    finally:
        gc.enable()
        theirs.close()
        await running


async def test_what_a_child_ends_with_reaches_its_parent(caplog: pytest.LogCaptureFixture) -> None:
    node = Composing()

    async def broken(_: Any, __: OperationContext) -> None:
        raise ZeroDivisionError("the secret is 42")

    node.registry.register(Operation("broken/run", broken))
    node.registry.register(Operation("strict/run", broken, access=AccessControl(("admin",))))

    async def work(context: OperationContext) -> list[str]:
        codes = []
        for service in ("broken", "strict", "other"):
            try:
                await context.env.invoke(service, "run", None, context)
            except CallError as error:
                codes.append(f"{error.code} {error.message}")
        return codes

    told = await node.run(work, allowed=("broken/run", "strict/run"))
    expected = [
        "INTERNAL internal error",
        "FORBIDDEN authentication required",
        "NOT_FOUND operation not found: other/run",
    ]
    assert told == expected
    assert "ZeroDivisionError" in caplog.text
