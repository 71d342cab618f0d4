"""Operations that were denied, told to the journal."""

import asyncio
from contextvars import copy_context
from typing import Any

import pytest

from node.core import current
from node.core.access import AccessControl, Decision
from node.core.identity import AuthContext, Identity
from node.core.index import IndexProvider, build_index
from node.core.journal import Event, EventKind
from node.core.locks import Lock, LockIndex, LockKind
from node.core.peers import PeerEntry
from node.handlers.call.denials import AT_ONCE, MESSAGE, Denials
from node.handlers.call.errors import CallError
from node.handlers.call.handler import ALPN, CallHandler
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry
from tests.support.journals import ListJournal
from tests.support.streams import connection_pair

KEY = "ed25519:" + "a" * 64
AUTH = AuthContext(Identity("ann", ("user",)), ALPN, ("192.0.2.1", 4433), KEY)
NO = Decision(allowed=False, message="missing scope: admin", explanation="“ann” has these scopes: user")


async def denied(provider: IndexProvider) -> tuple[str, Event]:
    """What ann is told of a call that needs the scope "admin", and the one event of it in the journal."""
    calls: list[str] = []

    async def secret(_: Any, context: OperationContext) -> None:
        calls.append(context.request_id)

    registry, journal = OperationRegistry(), ListJournal()
    registry.register(Operation("safe/open", secret, access=AccessControl(("admin",))))
    node = CallHandler(registry, provider, CallLimits(), journal=journal)
    client, server = connection_pair(ALPN)
    serving = asyncio.create_task(node.handle(server, AUTH))
    asking = CallHandler(OperationRegistry(), IndexProvider(), CallLimits()).calls(client, AuthContext.anonymous(ALPN))
    ours = asyncio.create_task(asking.run())
    with pytest.raises(CallError) as told:
        await asking.call("safe/open", timeout=10)
    client.close()
    await asyncio.gather(serving, ours)
    assert (told.value.code, told.value.retryable, calls) == ("FORBIDDEN", False, [])
    [event] = journal.events
    return told.value.message, event


async def test_a_call_for_a_locked_scope_is_denied_in_the_words_of_the_lock_on_the_wire_and_in_the_journal() -> None:
    provider = IndexProvider()
    provider.publish(build_index([PeerEntry("ann", (KEY,), scopes=("user", "admin"))]))
    provider.publish_locks(LockIndex({"1": Lock("1", LockKind.SCOPE, "admin", "not this night")}))
    message, event = await denied(provider)
    assert message == "missing required scope: admin; locked: not this night"
    assert (event.kind, event.reason) == (EventKind.DENIED, message)
    assert event.detail == {
        "operation": "safe/open",
        "message": message,
        "explanation": "“ann” has these scopes: user; admin is locked: not this night",
    }


async def test_a_denied_call_is_told_with_its_explanation() -> None:
    provider = IndexProvider()
    provider.publish(build_index([PeerEntry("ann", (KEY,), scopes=("user",))]))
    message, event = await denied(provider)
    assert message == "missing required scope: admin"
    assert (event.kind, event.peer_id, event.fingerprint) == (EventKind.DENIED, "ann", KEY)
    assert (event.alpn, event.address) == ("alknet/call", "192.0.2.1:4433")
    assert event.detail["operation"] == "safe/open"
    assert event.detail["message"] == event.reason
    assert "user" in str(event.detail["explanation"])


def test_many_denials_of_one_connection_are_counted() -> None:
    journal = ListJournal()
    denials = Denials(journal, AUTH)

    def ask() -> None:
        current.connection.set(5)
        for _ in range(1000):
            denials.tell("safe/open", AUTH.identity, NO)
        denials.close()

    copy_context().run(ask)
    told, [left] = journal.of(EventKind.DENIED), journal.of(EventKind.LIMITED)
    assert len(told) == AT_ONCE
    assert left.detail == {"limit": "denials", "count": 1000 - AT_ONCE}
    assert {event.connection for event in journal.events} == {5}
    denials.close()
    assert len(journal.events) == AT_ONCE + 1


def test_the_holder_of_a_token_is_named_where_it_is_another() -> None:
    journal = ListJournal()
    denials = Denials(journal, AUTH)
    denials.tell("a/b", Identity("alk_1a2b"), NO)
    denials.tell("a/b", None, NO)
    denials.tell("a/b", Identity("ann", ()), NO)  # its own peer, whose scopes are others by now
    assert [event.detail.get("caller") for event in journal.events] == ["alk_1a2b", None, None]


def test_what_a_caller_chose_is_kept_in_part_only() -> None:
    journal = ListJournal()
    Denials(journal, AUTH).tell("repo/read", None, Decision(allowed=False, message="x" * 1_000_000, explanation="no"))
    [event] = journal.events
    assert (event.reason, event.detail["message"]) == ("x" * MESSAGE, "x" * MESSAGE)
