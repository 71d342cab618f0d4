"""Resources that callers own, over the wire: made by one operation, used by another (spec call §12)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from node.core.access import AccessControl
from node.core.identity import AuthContext
from node.core.index import IndexProvider, build_index
from node.core.ownership import OwnershipStore
from node.core.peers import PeerEntry
from node.core.tokens import hash_token
from node.handlers.call.handler import ALPN, CallHandler
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry
from tests.support.raw_call import RawCaller
from tests.support.streams import connection_pair

USE = AccessControl(resource_type="container", resource_action="exec")


async def spawn(value: Any, context: OperationContext) -> Any:
    assert context.ownership
    assert context.identity
    context.ownership.record(context.identity, "container", value["containerId"])
    return value["containerId"]


async def end(value: Any, context: OperationContext) -> None:
    assert context.ownership
    context.ownership.revoke("container", value["containerId"])


async def use(value: Any, _: OperationContext) -> Any:
    return value


@contextlib.asynccontextmanager
async def a_node() -> AsyncIterator[RawCaller]:
    provider, registry = IndexProvider(), OperationRegistry(OwnershipStore())
    names = ("alice", "bob")
    provider.publish(build_index([PeerEntry(name, auth_token_hash=hash_token(f"{name} token")) for name in names]))
    registry.register(Operation("container/spawn", spawn))
    for name, handler in (("container/exec", use), ("container/end", end)):
        registry.register(Operation(name, handler, access=USE, resource_id_path="$.containerId"))
    theirs, ours = connection_pair(ALPN)
    handler = CallHandler(registry, provider, CallLimits())
    serving = asyncio.create_task(handler.handle(ours, AuthContext(None, ALPN)))
    try:
        yield RawCaller(theirs)
    finally:
        theirs.close()
        await asyncio.wait_for(serving, 60)


async def ask(caller: RawCaller, who: str, operation: str, value: Any) -> str:
    """The message of the refusal, or nothing."""
    kind, payload = await caller.ask(operation, value, auth_token=f"{who} token")
    return "" if kind == "call.responded" else f"{payload['code']} {payload['message']}"


async def test_what_a_caller_made_is_that_callers_until_it_is_gone() -> None:
    c1, c2 = {"containerId": "c1"}, {"containerId": "c2"}
    async with a_node() as caller:
        assert await ask(caller, "alice", "container/exec", c1) == "FORBIDDEN not owner of resource: container/c1"
        assert await ask(caller, "alice", "container/spawn", c1) == ""
        assert await ask(caller, "alice", "container/exec", c1) == ""
        assert await ask(caller, "alice", "container/exec", {}) == ""
        assert await ask(caller, "alice", "container/exec", c2) == "FORBIDDEN not owner of resource: container/c2"
        assert await ask(caller, "bob", "container/exec", c1) == "FORBIDDEN not owner of resource: container/c1"
        assert await ask(caller, "bob", "container/exec", {}) == "FORBIDDEN no owned resources of type: container"
        assert await ask(caller, "nobody", "container/exec", c1) == "FORBIDDEN authentication required"
        assert await ask(caller, "alice", "container/end", c1) == ""
        assert await ask(caller, "alice", "container/exec", {}) == "FORBIDDEN no owned resources of type: container"


@pytest.mark.parametrize("value", [None, 3, "c1", ["c1"], {"containerId": ["c1"]}])
async def test_an_input_that_names_none_is_judged_by_whether_any_is_owned(value: Any) -> None:
    async with a_node() as caller:
        denied = "FORBIDDEN no owned resources of type: container"
        assert await ask(caller, "alice", "container/exec", value) == denied
