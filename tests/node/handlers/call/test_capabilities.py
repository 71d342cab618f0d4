"""What the settings give the protocol reaches its operations, and nobody else (spec call §6, §9)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from node.core.access import AccessControl
from node.core.capabilities import NO_CAPABILITIES, Capabilities
from node.core.identity import AuthContext
from node.core.index import IndexProvider
from node.core.live import Live
from node.handlers.call.discovery import register_discovery
from node.handlers.call.handler import ALPN, CallHandler
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry
from tests.support.raw_call import RawCaller
from tests.support.streams import connection_pair

CANARY = "sk-canary"


class Node:
    """Two operations that remember what they were called with; one of them is for administrators."""

    def __init__(self, *given: Any) -> None:
        self.contexts: list[OperationContext] = []
        registry = OperationRegistry()
        register_discovery(registry)
        registry.register(Operation("uses/it", self.uses))
        registry.register(Operation("admin/uses", self.uses, access=AccessControl(required_scopes=("admin",))))
        self.handler = CallHandler(registry, IndexProvider(), CallLimits(), None, *given)

    async def uses(self, value: Any, context: OperationContext) -> Any:
        self.contexts.append(context)
        secret = context.capabilities.get("openai")
        return None if secret is None else len(secret.expose_secret())

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[RawCaller]:
        theirs, ours = connection_pair(ALPN)
        serving = asyncio.create_task(self.handler.handle(ours, AuthContext.anonymous(ALPN)))
        try:
            yield RawCaller(theirs)
        finally:
            theirs.close()
            await asyncio.wait_for(serving, 60)


async def test_an_operation_has_what_its_protocol_was_given_at_the_time_of_the_request() -> None:
    given = Live(Capabilities().with_api_key("openai", CANARY))
    node = Node(given)
    async with node.connected() as caller:
        assert await caller.ask("uses/it") == ("call.responded", {"output": len(CANARY)})
        given.value = Capabilities().with_api_key("openai", CANARY * 2)
        assert await caller.ask("uses/it") == ("call.responded", {"output": 2 * len(CANARY)})
        given.value = NO_CAPABILITIES
        assert await caller.ask("uses/it") == ("call.responded", {"output": None})


async def test_without_any_an_operation_has_none() -> None:
    node = Node()
    async with node.connected() as caller:
        assert await caller.ask("uses/it") == ("call.responded", {"output": None})
    assert node.contexts[0].capabilities is NO_CAPABILITIES


async def test_a_denied_call_takes_no_capability_anywhere() -> None:
    node = Node(Capabilities().with_api_key("openai", CANARY))
    async with node.connected() as caller:
        kind, payload = await caller.ask("admin/uses")
    assert (kind, payload["code"], node.contexts) == ("call.error", "FORBIDDEN", [])


@pytest.mark.parametrize("operation", ["services/list", "services/schema", "node/whoami"])
async def test_no_description_of_a_node_tells_of_them(operation: str) -> None:
    node = Node(Capabilities().with_api_key("openai", CANARY))
    async with node.connected() as caller:
        _, payload = await caller.ask(operation, {"name": "uses/it"})
    assert "openai" not in str(payload)
    assert CANARY not in str(payload)


async def test_a_context_shows_their_count_alone() -> None:
    node = Node(Capabilities().with_api_key("openai", CANARY))
    async with node.connected() as caller:
        await caller.ask("uses/it")
    assert "Capabilities(1)" in repr(node.contexts[0])
    assert CANARY not in repr(node.contexts[0])
