"""Locks at the endpoint: whoever is held back is closed and told why, and nobody else is."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from node.core.connection import CLOSE_LOCKED, Connection
from node.core.identity import AuthContext
from node.core.index import IndexProvider, build_index
from node.core.journal import EventKind
from node.core.locks import Lock, LockIndex, LockKind
from node.core.peers import PeerEntry
from node.endpoint.endpoint import Endpoint
from node.endpoint.limits import EndpointLimits
from node.endpoint.registry import HandlerRegistry
from tests.support.eventually import eventually, within
from tests.support.journals import ListJournal
from tests.support.streams import connection_pair

ALPN, OTHER_ALPN = b"test/echo", b"test/other"
KEY, OTHER = ("ed25519:" + digit * 64 for digit in "ab")
ADDRESS = ("192.0.2.1", 4433)
ANN, BOB = PeerEntry("ann", (KEY,), scopes=("a", "b")), PeerEntry("bob", (OTHER,))


class Waiting:
    """Serves until its connection ends."""

    def __init__(self, alpn: bytes) -> None:
        self.alpn = alpn

    async def handle(self, connection: Connection, auth: AuthContext) -> None:
        await connection.wait_closed()


class Bench:
    def __init__(self) -> None:
        self.journal, self.provider = ListJournal(), IndexProvider()
        registry = HandlerRegistry([Waiting(ALPN), Waiting(OTHER_ALPN)])
        self.endpoint = Endpoint(registry, self.provider, EndpointLimits(drain_timeout=0), journal=self.journal)
        self.provider.publish(build_index([ANN, BOB]))
        self.provider.subscribe(self.endpoint.enforce)
        self.provider.subscribe_locks(self.endpoint.enforce_locks)

    def connect(self, fingerprint: str | None = KEY, alpn: bytes = ALPN) -> Connection:
        client, server = connection_pair(alpn)
        self.endpoint.dispatch(server, alpn, fingerprint, ADDRESS)
        return client

    def lock(self, *locks: Lock) -> None:
        self.provider.publish_locks(LockIndex({lock.lock_id: lock for lock in locks}, 7), time.time())


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    running = asyncio.create_task(bench.endpoint.run())
    yield bench
    await bench.endpoint.shutdown()
    await within(running)


async def refused(client: Connection) -> str:
    """The reason that it was given."""
    end = await within(client.wait_closed())
    assert end.code == CLOSE_LOCKED
    return end.reason


async def left(bench: Bench) -> set[tuple[str | None, bytes]]:
    """Who is still served, and by which protocol."""
    await asyncio.sleep(0.01)
    return {(live.peer_id, live.auth.alpn) for live in bench.endpoint.connections}


async def test_a_locked_peer_is_closed_and_refused_in_the_same_words(bench: Bench) -> None:
    ann, bob, stranger = bench.connect(), bench.connect(OTHER), bench.connect(None)
    bench.lock(Lock("1", LockKind.PEER, "ann", "call the desk"))
    assert await refused(ann) == "locked: call the desk"
    assert await refused(bench.connect()) == "locked: call the desk"
    assert await left(bench) == {("bob", ALPN), (None, ALPN)}
    bench.lock()
    again = bench.connect()
    assert await left(bench) == {("ann", ALPN), ("bob", ALPN), (None, ALPN)}
    del bob, stranger, again


async def test_everything_holds_strangers_too(bench: Bench) -> None:
    clients = [bench.connect(), bench.connect(OTHER, OTHER_ALPN), bench.connect(None)]
    bench.lock(Lock("1", LockKind.EVERYTHING, message="maintenance until noon"))
    late = [bench.connect(None), bench.connect()]
    for client in clients + late:
        assert await refused(client) == "locked: maintenance until noon"
    assert await left(bench) == set()


async def test_a_locked_protocol_is_nobodys(bench: Bench) -> None:
    ann, other = bench.connect(), bench.connect(KEY, OTHER_ALPN)
    bench.lock(Lock("1", LockKind.ALPN, ALPN.decode()))
    assert await refused(ann) == "locked"
    assert await refused(bench.connect(None)) == "locked"
    assert await left(bench) == {("ann", OTHER_ALPN)}
    del other


async def test_a_locked_scope_closes_nothing_and_is_gone_from_the_identity(bench: Bench) -> None:
    kept = bench.connect()
    bench.lock(Lock("1", LockKind.SCOPE, "a"))
    assert await left(bench) == {("ann", ALPN)}
    identity = bench.provider.resolve_from_fingerprint(KEY)
    assert identity is not None
    assert identity.scopes == ("b",)
    del kept


async def test_a_stranger_whose_key_becomes_a_locked_peers_is_closed(bench: Bench) -> None:
    """In either order: the key first, or the lock first."""
    key = "ed25519:" + "c" * 64
    stranger = bench.connect(key)
    bench.lock(Lock("1", LockKind.PEER, "cyd", "wait"))
    assert await left(bench) == {(None, ALPN)}
    bench.provider.publish(build_index([ANN, BOB, PeerEntry("cyd", (key,))]), frozenset({"cyd"}))
    assert await refused(stranger) == "locked: wait"
    bench.lock()
    later = bench.connect("ed25519:" + "d" * 64)
    bench.provider.publish(build_index([ANN, BOB, PeerEntry("dan", ("ed25519:" + "d" * 64,))]), frozenset({"dan"}))
    bench.lock(Lock("2", LockKind.PEER, "dan"))
    assert await refused(later) == "locked"


async def test_a_connection_that_we_have_dialled_is_held_back_too(bench: Bench) -> None:
    auth = AuthContext(None, ALPN, ADDRESS, KEY)
    client, server = connection_pair(ALPN)
    with bench.endpoint.listing(server, auth):
        bench.lock(Lock("1", LockKind.PEER, "ann"))
        assert await refused(client) == "locked"
    client, server = connection_pair(ALPN)
    with bench.endpoint.listing(server, auth):
        assert len(bench.endpoint.connections) == 0
        assert await refused(client) == "locked"


async def test_one_transport_that_fails_saves_no_other(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = bench.connect(), bench.connect()
    await asyncio.sleep(0)
    first = next(iter(bench.endpoint.connections))
    monkeypatch.setattr(first.connection, "close", lambda *_: 1 / 0)
    bench.lock(Lock("1", LockKind.PEER, "ann"))
    assert await refused(good) == "locked"
    del bad
    monkeypatch.undo()


async def test_the_journal_and_the_stopwatch_have_it(bench: Bench) -> None:
    client = bench.connect()
    await asyncio.sleep(0)
    bench.lock(Lock("1", LockKind.PEER, "ann", "away"))
    await refused(client)
    await refused(bench.connect())
    bench.lock()
    placed, lifted = bench.journal.of(EventKind.ENFORCED)
    assert (placed.peer_id, placed.reason, placed.detail["change"]) == ("ann", "locked: away", "locked peer ann")
    assert (placed.detail["closed"], placed.detail["generation"]) == (1, 7)
    assert isinstance(placed.detail["milliseconds"], float)
    assert (lifted.detail["change"], lifted.detail["closed"]) == ("unlocked peer ann", 0)
    [event] = bench.journal.of(EventKind.REFUSED)
    assert (event.peer_id, event.fingerprint, event.reason) == ("ann", KEY, "locked: away")
    assert event.detail == {"rule": "lock", "message": "locked: away"}
    await eventually(lambda: bench.journal.of(EventKind.CLOSED))
    assert bench.journal.of(EventKind.CLOSED)[0].reason == "locked: away"
    assert bench.endpoint.last_enforcement is not None


async def test_of_two_locks_on_one_peer_the_end_of_one_frees_nobody_and_is_not_told_as_if_it_did(bench: Bench) -> None:
    short, long = (
        Lock("1", LockKind.PEER, "ann", "an hour", time.time() + 3600),
        Lock("2", LockKind.PEER, "ann", "away"),
    )
    told = []
    for locks, words in (
        ([short], "locked: an hour"),
        ([short, long], "locked: away"),
        ([long], "locked: away"),
        ([short], "locked: an hour"),
        ([], ""),
    ):
        bench.lock(*locks)
        told.append([event.detail["change"] for event in bench.journal.of(EventKind.ENFORCED)])
        if words:
            assert await refused(bench.connect()) == words
    assert told[-1] == ["locked peer ann"] * 3 + ["unlocked peer ann"]
    served = bench.connect()
    assert await left(bench) == {("ann", ALPN)}
    del served
