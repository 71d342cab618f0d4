"""What was given for a while, and its end: terms of peers and keys, grants and what they carry."""

import asyncio
import time

import pytest

from node.core import current
from node.core.access import AccessControl
from node.core.connection import CLOSE_REVOKED, Connection
from node.core.grants import Grant
from node.core.identity import AuthContext
from node.core.index import build_index
from node.core.locks import Lock, LockIndex, LockKind
from node.core.peers import PeerEntry
from node.core.terms import Term
from tests.support.endpoint import KEY, OTHER, Bench, ended, settled


@pytest.mark.parametrize(
    ("over", "reasons"),
    [
        ("", {KEY: "expired: peer", OTHER: "expired: peer"}),
        (OTHER, {OTHER: "expired: key"}),
    ],
)
async def test_what_comes_to_its_end_closes_its_connections_and_no_others(
    bench: Bench, over: str, reasons: dict[str, str]
) -> None:
    rows = [PeerEntry("ann", (KEY, OTHER)), PeerEntry("bob", ("ed25519:" + "c" * 64,))]
    bench.provider.publish(build_index(rows))
    clients = {key: bench.connect(key) for key in (KEY, OTHER)}
    stays = bench.connect(rows[1].fingerprints[0])
    await asyncio.sleep(0)
    ended_index = bench.provider.index.apply({}, {}, 10, {"1": Term("1", "ann", over, 5.0)})
    bench.provider.publish(ended_index, frozenset({"ann"}))
    for key, reason in reasons.items():
        assert await ended(clients[key]) == (CLOSE_REVOKED, reason)
    await settled(bench, 3 - len(reasons))
    assert bench.endpoint.numbers.denials()["revoked"] == len(reasons)
    stays.close()


async def test_a_grant_that_is_over_closes_what_it_has_carried_and_nothing_else(bench: Bench) -> None:
    """Whoever did nothing by it keeps the connection, and so does whoever may go on without it."""
    ann, far = PeerEntry("ann", (KEY,), scopes=("a",)), time.time() + 1000
    given = {"1": Grant("1", "ann", ("b",), "", "", far), "2": Grant("2", "ann", ("c",), "", "", far)}
    bench.provider.publish(build_index([ann, PeerEntry("bob", (OTHER,))], grants=given.values()))
    clients = [bench.connect(key) for key in (KEY, KEY, KEY, OTHER)]
    await asyncio.sleep(0)
    granted = bench.provider.index.identity_of("ann")
    assert granted is not None
    lives = list(bench.endpoint.connections)
    for live, scope in zip(lives, ("b", "c", "a", "b"), strict=True):  # by the last one bob's, with a token of ann's
        live.carried.note(granted, AccessControl((scope,)))
    index = bench.provider.index.apply({}, {}, 10, grants={"1": None})
    bench.provider.publish(index, frozenset({"ann"}))
    for client in (clients[0], clients[3]):
        assert await ended(client) == (CLOSE_REVOKED, "revoked: grant ended")
    await settled(bench, 2)
    assert bench.endpoint.numbers.denials()["revoked"] == 2
    grown = PeerEntry("ann", (KEY,), scopes=("a", "c"))
    bench.provider.publish(bench.provider.index.apply({"ann": grown}, {}, 11, grants={"2": None}), frozenset({"ann"}))
    await settled(bench, 2)


async def test_what_a_lock_keeps_from_a_peer_carries_nothing_on_after_its_grant(bench: Bench) -> None:
    """The peer's own b would do for it, and is locked; c would do as well, and is free."""
    ann = PeerEntry("ann", (KEY,), scopes=("b", "c"))
    bench.provider.publish(build_index([ann], grants=[Grant("1", "ann", ("a",), "", "", time.time() + 1000)]))
    bench.provider.publish_locks(LockIndex({"1": Lock("1", LockKind.SCOPE, "b")}))
    carried, stays = bench.connect(KEY), bench.connect(KEY)
    await asyncio.sleep(0)
    granted = bench.provider.resolve_from_fingerprint(KEY)
    assert granted is not None
    for live, other in zip(bench.endpoint.connections, "bc", strict=True):
        live.carried.note(granted, AccessControl(required_scopes_any=("a", other)))
    bench.provider.publish(bench.provider.index.apply({}, {}, 10, grants={"1": None}), frozenset({"ann"}))
    assert await ended(carried) == (CLOSE_REVOKED, "revoked: grant ended")
    await settled(bench, 1)
    stays.close()


async def test_what_serves_a_connection_knows_where_to_note_what_carries_it(bench: Bench) -> None:
    seen = []

    async def handle(connection: Connection, _: AuthContext) -> None:
        seen.append(current.carried.get())
        await bench.handler.release.wait()

    bench.handler.handle = handle  # type: ignore[method-assign]
    bench.connect(KEY)
    await asyncio.sleep(0.01)
    assert seen == [live.carried for live in bench.endpoint.connections]
