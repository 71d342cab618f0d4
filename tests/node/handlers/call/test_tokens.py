"""Tokens that are nobody's, over a real connection (spec core §10, Limits)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from node.client.call import CallClient
from node.core.attempts import TokenGuards
from node.core.connection import CLOSE_TOKENS
from node.core.identity import AuthContext, AuthToken, Identity
from node.core.index import IndexProvider, build_index
from node.core.live import Live
from node.core.locks import Lock, LockIndex, LockKind
from node.core.peers import PeerEntry
from node.core.tokens import hash_token
from node.endpoint.limits import EndpointLimits
from node.handlers.call.discovery import register_discovery
from node.handlers.call.errors import CallError
from node.handlers.call.handler import CallHandler
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import OperationRegistry
from tests.support.quic import ALPN, serving, soon

GOOD = "a token that ann has"


class Node:
    def __init__(self) -> None:
        provider, registry = IndexProvider(), OperationRegistry()
        provider.publish(build_index([PeerEntry("ann", auth_token_hash=hash_token(GOOD))], (), 1))
        register_discovery(registry)
        self.provider = provider
        self.limits = Live(EndpointLimits(max_token_failures=3))
        self.guards = TokenGuards(provider, lambda: self.limits.value.max_token_failures)
        self.handler = CallHandler(registry, provider, CallLimits(), self.guards)

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[CallClient]:
        async with serving() as server:
            ours, theirs = await server.pair()
            answering = asyncio.create_task(self.handler.handle(theirs, AuthContext(Identity("key"), ALPN)))
            client = CallClient(ours)
            running = asyncio.create_task(client._calls.run())
            try:
                yield client
            finally:
                ours.close()
                await soon(asyncio.gather(answering, running))


async def who(client: CallClient, token: str | None) -> str | None:
    identity = (await client.call("node/whoami", auth_token=token))["identity"]
    return None if identity is None else str(identity["id"])


async def test_a_connection_that_tries_too_many_tokens_is_closed() -> None:
    node = Node()
    async with node.client() as client:
        assert await who(client, "guess 1") is None
        assert await who(client, GOOD) == "ann"
        assert await who(client, "guess 2") is None
        with pytest.raises(CallError, match="connection closed"):
            await who(client, "guess 3")
        end = await soon(client.connection.wait_closed())
    assert (end.code, end.reason) == (CLOSE_TOKENS, "too many failed tokens")
    assert node.guards.snapshot() == {"failed": 3, "closed": 1}


async def test_after_the_last_guess_not_even_a_good_token_counts() -> None:
    """Requests that were under way when the connection was closed must not run as somebody."""
    node = Node()
    async with node.client() as client:
        guard = node.guards.guard(client.connection)
        tokens = [*(f"guess {number}" for number in range(3)), GOOD]
        assert [guard.resolve(AuthToken(token.encode())) for token in tokens] == [None] * 4
    assert node.guards.closed == 1


async def test_the_limit_is_read_at_each_token() -> None:
    node = Node()
    async with node.client() as client:
        node.limits.value = EndpointLimits(max_token_failures=1)
        with pytest.raises(CallError):
            await who(client, "guess")
        assert (await soon(client.connection.wait_closed())).code == CLOSE_TOKENS


async def test_the_token_of_a_locked_peer_is_nobodys_and_is_no_guess() -> None:
    node = Node()
    node.provider.publish_locks(LockIndex({"1": Lock("1", LockKind.PEER, "ann")}))
    async with node.client() as client:
        assert [await who(client, GOOD) for _ in range(5)] == [None] * 5
        assert node.guards.snapshot() == {"failed": 0, "closed": 0}
        node.provider.publish_locks(LockIndex())
        assert await who(client, GOOD) == "ann"


async def test_calls_without_a_token_are_not_counted() -> None:
    node = Node()
    async with node.client() as client:
        for _ in range(10):
            assert await who(client, None) is None
    assert node.guards.failed == 0
