"""Limits of the call protocol that change while it serves."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from node.core.identity import AuthContext, Identity
from node.core.index import IndexProvider
from node.core.live import Live
from node.handlers.call.allowance import Allowances
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.envelope import Request
from node.handlers.call.errors import CallError
from node.handlers.call.handler import CallHandler
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry
from node.store.limits import StoreLimits
from node.store.sqlite import SqliteStore


def test_the_next_connection_gets_the_new_allowance_and_the_old_one_keeps_its_own() -> None:
    limits = Live(CallLimits(max_frame_strangers=2048, max_buffered=70_000, max_buffered_strangers=80_000))
    allowances = Allowances(limits)
    before = allowances.of_stranger()
    limits.value = CallLimits(max_frame_strangers=4096, max_buffered=90_000, max_buffered_strangers=100_000)
    after = allowances.of_stranger()
    assert (before.max_frame, before.room.size) == (2048, 70_000)
    assert (after.max_frame, after.room.size) == (4096, 90_000)
    assert allowances._strangers.received.size == 100_000
    allowances.of_peer()
    assert allowances._peers.unsent.size == limits.value.max_buffered_total


async def test_the_next_request_has_the_new_time_limit() -> None:
    registry = OperationRegistry()

    async def for_ever(_: object, context: OperationContext) -> None:
        await asyncio.Event().wait()

    registry.register(Operation("slow/run", for_ever))
    limits = Live(CallLimits())
    dispatcher = Dispatcher(registry, lambda *_: Identity("ann"), limits)
    limits.value = CallLimits(request_timeout=0.01)
    request = Request("slow/run", msgspec.Raw(b"null"))
    with pytest.raises(CallError) as caught:
        await dispatcher.begin("1", request, AuthContext.anonymous(b"alknet/call")).once()
    assert caught.value.code == "TIMEOUT"


def test_a_handler_and_a_store_follow_the_holder_that_they_were_given(tmp_path: Path) -> None:
    call, store = Live(CallLimits()), Live(StoreLimits())
    handler = CallHandler(OperationRegistry(), IndexProvider(), call)
    sqlite = SqliteStore(tmp_path / "none.sqlite3", store)
    call.value, store.value = CallLimits(max_in_flight=3), StoreLimits(recheck=9)
    assert handler._limits.value.max_in_flight == 3
    assert sqlite._follower._limits.recheck == 9
