"""Composition and routing: the lines of spec call §15, and what §9, §12 and §13 promise around them."""

import asyncio
import dataclasses
import uuid
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from node.core.access import AccessControl
from node.core.identity import Identity
from node.handlers.call.authority import CompositionAuthority, Provenance, ScopedEnvironment
from node.handlers.call.call_tree import MAX_DEPTH
from node.handlers.call.decorator import mutation, query
from node.handlers.call.env import SingleLayerEnvironment
from node.handlers.call.envelope import Request
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationType, Visibility
from node.handlers.call.peers import ANY_PEER, Overlay, PeerRef, SpecificPeer
from tests.support.composing import Compose, Composing, provided

READ = AccessControl(required_scopes=("fs:read",))
CHAT = Identity("alice", ("chat",))
POWER = CompositionAuthority("assistant", ("fs:read",))
A, B = SpecificPeer("a"), SpecificPeer("b")
FORBIDDEN = ("FORBIDDEN", "authentication required")


@pytest.fixture
def node() -> Composing:
    node = Composing()
    node.registry.register(provided("fs/read", "base", access=READ, visibility=Visibility.INTERNAL))
    node.registry.register(provided("open/run", "base"))
    return node


def asks(namespace: str, operation: str, value: Any = None, peer: PeerRef = ANY_PEER) -> Compose:
    async def work(context: OperationContext) -> Any:
        return await context.env.invoke_peer(peer, namespace, operation, value, context)

    return work


def not_found(name: str) -> tuple[str, str]:
    return "NOT_FOUND", f"operation not found: {name}"


# Authority


async def test_the_authority_of_the_composing_handler_decides_and_not_the_callers_scopes(node: Composing) -> None:
    found = await node.run(asks("fs", "read", 1), caller=CHAT, authority=POWER, allowed=("fs/read",))
    assert (found["says"], found["value"]) == ("base", 1)
    reader = Identity("alice", ("fs:read",))
    assert await node.run(asks("fs", "read"), caller=reader, allowed=("fs/read",)) == FORBIDDEN
    weak = CompositionAuthority("weak")
    refused = await node.run(asks("fs", "read"), caller=reader, authority=weak, allowed=("fs/read",))
    assert refused == ("FORBIDDEN", "missing required scope: fs:read")


async def test_a_child_is_judged_by_its_parents_authority_and_judges_by_its_own(node: Composing) -> None:
    async def middle(_: Any, context: OperationContext) -> Any:
        return await context.env.invoke("fs", "read", None, context)

    reach = CompositionAuthority("middle"), CompositionAuthority("strong", ("fs:read",))
    for name, authority in zip(("middle/weak", "middle/strong"), reach, strict=True):
        scoped = node.invocation(asks("a", "b"), allowed=("fs/read",)).context.scoped_env
        node.registry.register(Operation(name, middle, authority=authority, scoped_env=scoped))
    allowed = ("middle/weak", "middle/strong")
    weak = await node.run(asks("middle", "weak"), authority=POWER, allowed=allowed)
    assert weak == ("FORBIDDEN", "missing required scope: fs:read")
    strong = await node.run(asks("middle", "strong"), allowed=allowed)
    assert strong["context"].identity.id == "strong"


async def test_what_the_handler_owns_decides_and_not_what_the_caller_owns(node: Composing) -> None:
    uses = AccessControl(resource_type="container")
    node.registry.register(provided("container/exec", "base", access=uses, resource_id_path="$.id"))
    assert node.registry.ownership is not None
    for owner, resource in ((CHAT, "caller's"), (POWER.as_identity(), "handler's")):
        node.registry.ownership.record(owner, "container", resource)
    for resource, answer in (("handler's", "base"), ("caller's", "not owner of resource: container/caller's")):
        work = asks("container", "exec", {"id": resource})
        found = await node.run(work, caller=CHAT, authority=POWER, allowed=("container/exec",))
        assert answer in (found["says"] if isinstance(found, dict) else found)


async def test_what_is_out_of_reach_does_not_exist(node: Composing) -> None:
    assert await node.run(asks("open", "run"), authority=POWER) == not_found("open/run")
    assert await node.run(asks("no", "such"), allowed=("no/such",)) == not_found("no/such")
    assert await node.run(asks("fs", "read"), allowed=("open/run",)) == not_found("fs/read")


async def test_an_internal_operation_is_hidden_from_the_wire_only(node: Composing) -> None:
    request = Request("fs/read", msgspec.Raw(b"null"), None, None)
    with pytest.raises(Exception, match="NOT_FOUND: operation not found: fs/read"):
        node.invocation(asks("a", "b"), request=request, caller=Identity("root", ("fs:read",)))


async def test_inputs_are_checked_after_the_authority(node: Composing) -> None:
    node.registry.register(provided("typed/run", "base", access=READ, input_schema={"type": "string"}))
    assert await node.run(asks("typed", "run", 5), allowed=("typed/run",)) == FORBIDDEN
    code, message = await node.run(asks("typed", "run", 5), authority=POWER, allowed=("typed/run",))
    assert (code, "5" in message) == ("INVALID_INPUT", False)


async def test_a_subscription_is_not_cut_to_its_first_item(node: Composing) -> None:
    async def stream(_: Any, __: OperationContext) -> AsyncIterator[int]:
        yield 1

    node.registry.register(Operation("events/stream", stream, OperationType.SUBSCRIPTION))
    code, _ = await node.run(asks("events", "stream"), allowed=("events/stream",))
    assert code == "INVALID_OPERATION_TYPE"


async def test_decorated_functions_compose_each_other(node: Composing) -> None:
    @query("notes/shout", scopes=("notes:shout",))
    async def shout(text: str) -> str:
        return text.upper()

    @mutation(
        "notes/publish",
        authority=CompositionAuthority("publisher", ("notes:shout",)),
        scoped_env=ScopedEnvironment(frozenset({"notes/shout"})),
    )
    async def publish(text: str, context: OperationContext) -> list[str]:
        return [await context.env.invoke("notes", "shout", text, context)]

    node.registry.register(shout)
    node.registry.register(publish)
    assert await node.run(asks("notes", "publish", "hi"), allowed=("notes/publish",)) == ["HI"]
    code, _ = await node.run(asks("notes", "publish", 5), allowed=("notes/publish",))
    assert code == "INVALID_INPUT"


# The child's context


async def test_what_a_child_inherits(node: Composing) -> None:
    seen: list[OperationContext] = []
    claim = Identity("end user")

    async def work(context: OperationContext) -> Any:
        seen.append(context)
        context.metadata["secret"] = 1
        return [await context.env.invoke("open", "run", None, context) for _ in range(2)]

    request = Request("top/run", msgspec.Raw(b"null"), None, claim)
    one, other = await node.run(work, caller=CHAT, authority=POWER, allowed=("open/run",), request=request)
    [parent], child = seen, one["context"]
    assert (parent.internal, parent.forwarded_for, parent.parent_request_id) == (False, claim, None)
    assert (child.internal, child.forwarded_for, child.metadata) == (True, None, {})
    assert child.identity == POWER.as_identity() != parent.identity
    assert child.handler_identity is None
    assert child.scoped_env.allowed == frozenset()
    assert (child.parent_request_id, child.deadline) == (parent.request_id, parent.deadline)
    assert child.capabilities is parent.capabilities is node.capabilities
    assert child.ownership is parent.ownership is node.registry.ownership is not None
    assert child.connection is parent.connection
    assert child.env is parent.env
    assert child.request_id != other["context"].request_id
    assert uuid.UUID(child.request_id).version == 4


@pytest.mark.parametrize("change", ["internal", "_call"])
async def test_no_handler_can_set_what_its_rights_follow_from(node: Composing, change: str) -> None:
    async def work(context: OperationContext) -> Any:
        with pytest.raises(ValueError, match="init=False"):
            dataclasses.replace(context, **{change: True})
        with pytest.raises(TypeError):
            OperationContext("1", None, context.connection, None, None, **{change: True})  # type: ignore[arg-type]
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(context, change, True)
        return "as it was"

    assert await node.run(work) == "as it was"


async def test_a_changed_copy_of_a_context_composes_nothing(node: Composing) -> None:
    async def work(context: OperationContext) -> Any:
        stronger = dataclasses.replace(context, handler_identity=Identity("root", ("fs:read",)))
        return await context.env.invoke("fs", "read", None, stronger)

    assert await node.run(work, allowed=("fs/read",)) == ("INTERNAL", "internal error")


async def test_a_child_has_no_more_time_than_its_parent() -> None:
    node = Composing(CallLimits(request_timeout=0.05))
    ended = []

    async def slow(_: Any, __: OperationContext) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    node.registry.register(Operation("slow/run", slow))
    assert await node.run(asks("slow", "run"), allowed=("slow/run",)) == ("TIMEOUT", "request timed out")
    while not ended:
        await asyncio.sleep(0)


@pytest.mark.parametrize(("makes", "faults"), [(TimeoutError, 0), (ValueError, 1)])
async def test_past_its_time_a_call_is_timed_out_whatever_its_handler_makes_of_that(
    makes: type[Exception], faults: int, caplog: pytest.LogCaptureFixture
) -> None:
    node = Composing(CallLimits(request_timeout=0.05))

    async def work(_: OperationContext) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise makes from None

    assert await node.run(work) == ("TIMEOUT", "request timed out")
    assert [record.message for record in caplog.records].count("operation failed") == faults


async def test_before_that_a_timeout_of_its_own_is_a_fault_like_any_other(node: Composing) -> None:
    async def work(_: OperationContext) -> None:
        raise TimeoutError

    assert await node.run(work) == ("INTERNAL", "internal error")


async def test_a_circle_of_operations_ends(node: Composing) -> None:
    deepest = []

    async def again(value: int, context: OperationContext) -> Any:
        deepest.append(value)
        return await context.env.invoke("again", "run", value + 1, context)

    scoped = node.invocation(asks("a", "b"), allowed=("again/run",)).context.scoped_env
    node.registry.register(Operation("again/run", again, scoped_env=scoped))
    code, message = await node.run(asks("again", "run", 1), allowed=("again/run",))
    assert (code, message, max(deepest)) == ("INTERNAL", f"more than {MAX_DEPTH} calls below one another", MAX_DEPTH)


# Layers and peers


def imported(name: str, says: str, **more: Any) -> Operation:
    return provided(name, says, provenance=Provenance.FROM_CALL, visibility=Visibility.INTERNAL, **more)


@pytest.fixture
def routed(node: Composing) -> Composing:
    """Peers a and b, attached in this order, both of which have `container/exec`."""
    for peer in ("a", "b"):
        node.peers.attach(peer, Overlay([imported("container/exec", peer)]))
    return node


async def says(node: Composing, peer: PeerRef, name: str = "container/exec", **more: Any) -> Any:
    answer = await node.run(asks(*name.split("/"), peer=peer), **({"allowed": (name,)} | more))
    return answer["says"] if isinstance(answer, dict) else answer[0]


async def test_peers_are_tried_in_the_order_in_which_they_were_attached(routed: Composing) -> None:
    assert [await says(routed, peer) for peer in (ANY_PEER, A, B)] == ["a", "a", "b"]
    overlay = routed.peers.snapshot()["a"]
    routed.peers.detach("a", overlay)
    assert [await says(routed, peer) for peer in (ANY_PEER, A, B)] == ["b", "NOT_FOUND", "b"]


async def test_a_specific_peer_is_not_replaced_by_another_nor_by_this_node(routed: Composing) -> None:
    routed.peers.attach("c", Overlay([imported("other/run", "c")]))
    assert await says(routed, SpecificPeer("c")) == "NOT_FOUND"
    assert await says(routed, SpecificPeer("nobody")) == "NOT_FOUND"
    assert await says(routed, A, "open/run") == "NOT_FOUND"


async def test_a_pinned_operation_is_reached_at_its_peer_only(routed: Composing) -> None:
    reach = {"allowed": (), "pinned": ("a/container/exec",)}
    answers = [await says(routed, peer, **reach) for peer in (ANY_PEER, A, B)]
    assert answers == ["NOT_FOUND", "a", "NOT_FOUND"]


async def test_a_peer_that_comes_again_keeps_its_place_and_the_old_connection_takes_nothing_away(
    routed: Composing,
) -> None:
    old = routed.peers.snapshot()["a"]
    routed.peers.attach("a", Overlay([imported("container/exec", "a again")]))
    routed.peers.detach("a", old)
    assert [await says(routed, peer) for peer in (ANY_PEER, A, B)] == ["a again", "a again", "b"]


async def test_a_request_goes_on_with_the_peers_that_it_began_with(routed: Composing) -> None:
    async def work(context: OperationContext) -> Any:
        routed.peers.detach("a", routed.peers.snapshot()["a"])
        return await context.env.invoke("container", "exec", None, context)

    assert (await routed.run(work, allowed=("container/exec",)))["says"] == "a"


async def test_the_callers_own_connection_takes_its_peers_place(routed: Composing) -> None:
    live = Overlay()
    more = {"caller": Identity("b"), "imported": live}
    assert await says(routed, B, **more) == "b"
    live.add([imported("container/exec", "b live")])
    assert [await says(routed, peer, **more) for peer in (ANY_PEER, A, B)] == ["a", "a", "b live"]
    newcomer = {"caller": Identity("c"), "imported": live}
    assert [await says(routed, peer, **newcomer) for peer in (ANY_PEER, SpecificPeer("c"))] == ["a", "b live"]
    assert await says(routed, SpecificPeer("c"), caller=None, imported=live) == "NOT_FOUND"


async def test_a_session_comes_before_peers_and_peers_before_the_base() -> None:
    sessions: list[Overlay] = []
    node = Composing(sessions=lambda _: sessions[-1] if sessions else None)
    node.registry.register(provided("x/run", "base"))
    assert await says(node, ANY_PEER, "x/run") == "base"
    node.peers.attach("a", Overlay([imported("x/run", "a")]))
    assert await says(node, ANY_PEER, "x/run") == "a"
    written = provided("x/run", "session", provenance=Provenance.SESSION, visibility=Visibility.INTERNAL)
    sessions.append(Overlay([written]))
    assert [await says(node, peer, "x/run") for peer in (ANY_PEER, A)] == ["session", "a"]


async def test_a_session_that_fails_is_an_error_and_no_silence() -> None:
    def broken(_: OperationContext) -> None:
        raise ZeroDivisionError("the secret is 42")

    with pytest.raises(Exception, match="INTERNAL: internal error"):
        Composing(sessions=broken).invocation(asks("a", "b"))


async def test_an_imported_operation_is_judged_by_the_same_authority(routed: Composing) -> None:
    routed.peers.attach("c", Overlay([imported("strict/run", "c", access=READ)]))
    reader = Identity("alice", ("fs:read",))
    assert await says(routed, ANY_PEER, "strict/run", caller=reader) == "FORBIDDEN"
    assert await says(routed, ANY_PEER, "strict/run", authority=POWER) == "c"


async def test_the_wire_sees_no_layer_but_the_base(routed: Composing) -> None:
    request = Request("container/exec", msgspec.Raw(b"null"), None, None)
    with pytest.raises(Exception, match="NOT_FOUND"):
        routed.invocation(asks("a", "b"), request=request)


async def test_what_can_be_asked_of_an_environment(routed: Composing) -> None:
    async def work(context: OperationContext) -> Any:
        env = context.env
        names = [operation.name for operation in env.peer_operations("a")]
        contained = [env.contains(name) for name in ("container/exec", "open/run", "no/such")]
        at_peers = [env.peer_contains(peer, "container/exec") for peer in ("a", "nobody")]
        return env.peer_ids(), names, contained, at_peers

    expected = (("a", "b"), ["container/exec"], [True, True, False], [True, False])
    assert await routed.run(work) == expected


async def test_an_environment_of_one_layer_asks_nobody_else(node: Composing) -> None:
    alone = SingleLayerEnvironment(node.registry)

    async def work(context: OperationContext) -> Any:
        return await alone.invoke_peer(A, "open", "run", 1, context)

    assert (await node.run(work, allowed=("open/run",)))["value"] == 1
    assert (alone.peer_ids(), alone.peer_operations("a"), alone.contains("no/such")) == ((), (), False)
