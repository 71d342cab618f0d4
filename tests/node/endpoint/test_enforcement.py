"""A change of peers closes the connections whose right it takes, and no others."""

import asyncio
import logging

import pytest

from node.core.connection import CLOSE_REVOKED
from node.core.identity import Identity
from node.core.index import build_index
from node.core.peers import PeerEntry
from tests.support.endpoint import KEY, OTHER, Bench, ended, failing, settled


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ([], "revoked: peer removed"),
        ([PeerEntry("ann", (KEY,), enabled=False)], "revoked: peer disabled"),
        ([PeerEntry("ann", (OTHER,))], "revoked: key no longer valid"),
    ],
)
async def test_a_peer_that_loses_its_right_loses_its_connections(
    bench: Bench, change: list[PeerEntry], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench.publish(PeerEntry("ann", (KEY,)), PeerEntry("bob", (OTHER[:-1] + "0",)))
    lost, kept, stranger = bench.connect(KEY), bench.connect(OTHER[:-1] + "0"), bench.connect(OTHER)
    await asyncio.sleep(0)
    with caplog.at_level(logging.INFO):
        bench.publish(*change, PeerEntry("bob", (OTHER[:-1] + "0",)))
    assert await ended(lost) == (CLOSE_REVOKED, reason)
    await settled(bench, 2)
    assert bench.handler.cancelled == 1
    for client in (kept, stranger):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.wait_closed(), 0.01)
    [record] = [record for record in caplog.records if record.message == "enforced"]
    facts = record.__dict__
    assert (facts["peer_id"], facts["reason"], facts["connections"], facts["notification"]) == ("ann", reason, 1, 9)
    assert facts["commit_to_close_ms"] > 0


async def test_a_transport_that_fails_to_close_saves_no_other(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.publish(PeerEntry("ann", (KEY,)))
    clients = [bench.connect(KEY) for _ in range(3)]
    await asyncio.sleep(0)
    broken = next(iter(bench.endpoint.connections))
    with monkeypatch.context() as patch:
        patch.setattr(broken.connection, "close", failing)
        bench.publish()
    await settled(bench, 0)
    ends = [await ended(client) for client in clients]
    assert sorted(ends) == [(0, ""), *[(CLOSE_REVOKED, "revoked: peer removed")] * 2]


async def test_a_change_of_scopes_closes_nothing(bench: Bench) -> None:
    bench.publish(PeerEntry("ann", (KEY,), scopes=("a",)))
    bench.connect(KEY)
    await asyncio.sleep(0)
    bench.publish(PeerEntry("ann", (KEY, OTHER), scopes=("b",)))
    assert bench.endpoint.last_enforcement is not None
    assert bench.endpoint.last_enforcement.closed == 0
    assert len(bench.endpoint.connections) == 1


async def test_a_full_reload_judges_every_peer(bench: Bench) -> None:
    bench.publish(PeerEntry("ann", (KEY,)))
    client = bench.connect(KEY)
    await asyncio.sleep(0)
    bench.provider.publish(build_index([]), changed=None)
    assert await ended(client) == (CLOSE_REVOKED, "revoked: peer removed")


async def test_a_stranger_whose_key_got_a_peer_is_closed_when_that_peer_is_disabled(bench: Bench) -> None:
    came_as_stranger, other = bench.connect(KEY), bench.connect(OTHER)
    await asyncio.sleep(0)
    bench.publish(PeerEntry("ann", (KEY,)))
    assert len(bench.endpoint.connections) == 2
    bench.publish(PeerEntry("ann", (KEY,), enabled=False))
    assert await ended(came_as_stranger) == (CLOSE_REVOKED, "revoked: peer disabled")
    await settled(bench, 1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(other.wait_closed(), 0.01)


async def test_a_key_that_another_peer_takes_closes_its_former_holder(bench: Bench) -> None:
    bob = PeerEntry("bob", (KEY,))
    bench.publish(bob)
    client = bench.connect(KEY)
    await asyncio.sleep(0)
    taken = bench.provider.index.apply({"aaa": PeerEntry("aaa", (KEY,))}, {}, 10)
    bench.provider.publish(taken, frozenset({"aaa"}))
    assert await ended(client) == (CLOSE_REVOKED, "revoked: key no longer valid")


async def test_a_renamed_peer_comes_back_under_its_new_name(bench: Bench) -> None:
    bench.publish(PeerEntry("ann", (KEY,)))
    client = bench.connect(KEY)
    await asyncio.sleep(0)
    bench.publish(PeerEntry("anna", (KEY,)))
    assert await ended(client) == (CLOSE_REVOKED, "revoked: peer removed")
    bench.connect(KEY)
    await asyncio.sleep(0)
    assert bench.handler.seen[-1].identity == Identity("anna")


async def test_a_handler_that_has_not_begun_is_ended_too(bench: Bench) -> None:
    bench.publish(PeerEntry("ann", (KEY,)))
    client = bench.connect(KEY)
    bench.publish()
    assert (await ended(client))[1] == "revoked: peer removed"
    await settled(bench, 0)
    assert bench.handler.seen == []
