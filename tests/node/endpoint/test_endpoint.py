import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

import pytest

from node.core import current
from node.core.access import AccessControl
from node.core.connection import CLOSE_DISCONNECTED, CLOSE_REVOKED, Connection
from node.core.errors import AuthRequired, ConnectionClosed, StreamClosed
from node.core.grants import Grant
from node.core.identity import AuthContext, Identity
from node.core.index import IndexProvider, build_index
from node.core.listener import Accept
from node.core.locks import Lock, LockIndex, LockKind
from node.core.peers import PeerEntry
from node.core.terms import Term
from node.endpoint.endpoint import Endpoint
from node.endpoint.limits import EndpointLimits
from node.endpoint.registry import DuplicateAlpnError, HandlerRegistry
from tests.support.streams import connection_pair

ALPN = b"test/echo"
KEY, OTHER = ("ed25519:" + digit * 64 for digit in "ab")
ADDRESS = ("192.0.2.1", 4433)


class Handler:
    """Keeps each connection until it closes, or until `release`; raises what it is told to."""

    def __init__(self, alpn: bytes = ALPN) -> None:
        self.alpn = alpn
        self.seen: list[AuthContext] = []
        self.release = asyncio.Event()
        self.error: Exception | None = None
        self.cancelled = 0

    async def handle(self, connection: Connection, auth: AuthContext) -> None:
        self.seen.append(auth)
        if self.error is not None:
            raise self.error
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


class Listener:
    """Records what the endpoint asks of a transport."""

    address = ADDRESS

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.accept: Accept | None = None

    def start(self, accept: Accept) -> None:
        self.accept = accept

    def stop_accepting(self) -> None:
        self.calls.append("stop")

    async def close(self) -> None:
        self.calls.append("close")


class Bench:
    def __init__(self, drain_timeout: float) -> None:
        self.handler, self.provider, self.listener = Handler(), IndexProvider(), Listener()
        limits = EndpointLimits(drain_timeout=drain_timeout)
        registry = HandlerRegistry([self.handler])
        self.endpoint = Endpoint(registry, self.provider, limits, [self.listener])
        self.provider.subscribe(self.endpoint.enforce)

    def connect(self, fingerprint: str | None = None, *, alpn: bytes = ALPN, also: str | None = None) -> Connection:
        """Dispatch a new connection and give the client's end of it."""
        client, server = connection_pair(alpn)
        self.endpoint.dispatch(server, alpn, fingerprint, ADDRESS, alternative=also)
        return client

    def publish(self, *peers: PeerEntry) -> None:
        changed = {*self.provider.index.peers, *(peer.peer_id for peer in peers)}
        self.provider.publish(build_index(peers, (), 9), frozenset(changed), 1.0)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench(drain_timeout=0.05)
    running = asyncio.create_task(bench.endpoint.run())
    yield bench
    await bench.endpoint.shutdown()
    await asyncio.wait_for(running, 60)


async def settled(bench: Bench, served: int) -> None:
    async with asyncio.timeout(60):
        while len(bench.endpoint.connections) != served:
            await asyncio.sleep(0)


async def ended(client: Connection) -> tuple[int, str]:
    end = await asyncio.wait_for(client.wait_closed(), 60)
    return end.code, end.reason


async def test_the_handler_learns_who_connected(bench: Bench) -> None:
    bench.publish(PeerEntry("ann", (KEY,), scopes=("a",)))
    for fingerprint in (KEY, OTHER, None):
        bench.connect(fingerprint)
    await asyncio.sleep(0)
    ann = Identity("ann", ("a",))
    assert bench.handler.seen == [
        AuthContext(ann, ALPN, ADDRESS, KEY),
        AuthContext(None, ALPN, ADDRESS, OTHER),
        AuthContext(None, ALPN, ADDRESS, None),
    ]


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


async def test_a_certificate_is_looked_up_by_its_hash_and_then_by_its_key(bench: Bench) -> None:
    bench.publish(PeerEntry("ann", (KEY,)))
    bench.connect("SHA256:" + "0" * 64, also=KEY)
    await asyncio.sleep(0)
    assert bench.handler.seen[0].identity == Identity("ann")


async def test_a_peer_that_moves_is_logged_with_both_addresses(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.publish(PeerEntry("ann", (KEY,)))
    _, server = connection_pair(ALPN)
    bench.endpoint.dispatch(server, ALPN, KEY, ADDRESS)
    new = ("198.51.100.2", 99)
    with caplog.at_level(logging.INFO, logger="node.endpoint"):
        server._source.move(new)  # type: ignore[attr-defined]  # the transport of tests
    (record,) = [record for record in caplog.records if record.message == "moved"]
    facts = vars(record)
    assert (facts["peer_id"], facts["old_addr"], facts["new_addr"]) == ("ann", ADDRESS, new)
    assert facts["remote_addr"] == ADDRESS
    assert facts["connection"] == next(iter(bench.endpoint.connections)).id


async def test_an_alpn_without_a_handler_is_closed(bench: Bench) -> None:
    assert await ended(bench.connect(alpn=b"test/none")) == (0, "no handler")
    assert await ended(bench.connect(alpn=b"acme-tls/1")) == (0, "acme done")
    assert len(bench.endpoint.connections) == 0


@pytest.mark.parametrize("error", [ValueError("broken"), AuthRequired(), StreamClosed(), ConnectionClosed()])
async def test_what_a_handler_raises_ends_its_connection_only(bench: Bench, error: Exception) -> None:
    other = bench.connect()
    await asyncio.sleep(0)
    bench.handler.error = error
    assert await ended(bench.connect()) == (0, "")
    await settled(bench, 1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(other.wait_closed(), 0.01)


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
        patch.setattr(broken.connection, "close", _fail)
        bench.publish()
    await settled(bench, 0)
    ends = [await ended(client) for client in clients]
    assert sorted(ends) == [(0, ""), *[(CLOSE_REVOKED, "revoked: peer removed")] * 2]


def _fail(code: int, reason: str) -> None:
    raise OSError("socket is gone")


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


async def test_nothing_is_kept_of_connections_that_ended(bench: Bench) -> None:
    bench.publish(PeerEntry("ann", (KEY,)))
    clients = [bench.connect(KEY), bench.connect(OTHER), bench.connect("SHA256:" + "0" * 64, also=KEY)]
    await asyncio.sleep(0)
    bench.handler.release.set()
    for client in clients:
        assert await ended(client) == (0, "")
    await settled(bench, 0)
    live = bench.endpoint.connections
    assert (live._by_peer, live._by_fingerprint) == ({}, {})


async def test_a_handler_that_will_not_end_is_left_behind() -> None:
    bench, stubborn = Bench(drain_timeout=0.05), asyncio.Event()

    async def handle(connection: Connection, auth: AuthContext) -> None:
        while not stubborn.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await stubborn.wait()

    bench.handler.handle = handle  # type: ignore[method-assign]  # the point of this test
    bench.connect()
    await asyncio.sleep(0)
    await asyncio.wait_for(bench.endpoint.shutdown(), 60)
    assert bench.listener.calls == ["stop", "close"]
    stubborn.set()
    await settled(bench, 0)


async def test_a_cancelled_shutdown_leaves_nobody_waiting() -> None:
    bench = Bench(drain_timeout=60)
    running = asyncio.create_task(bench.endpoint.run())
    await asyncio.sleep(0)
    bench.connect()
    stopping = asyncio.create_task(bench.endpoint.shutdown())
    await asyncio.sleep(0.01)
    stopping.cancel()
    await asyncio.wait_for(running, 60)
    await asyncio.wait_for(bench.endpoint.shutdown(), 60)
    bench.handler.release.set()
    await settled(bench, 0)


async def test_a_renamed_peer_comes_back_under_its_new_name(bench: Bench) -> None:
    bench.publish(PeerEntry("ann", (KEY,)))
    client = bench.connect(KEY)
    await asyncio.sleep(0)
    bench.publish(PeerEntry("anna", (KEY,)))
    assert await ended(client) == (CLOSE_REVOKED, "revoked: peer removed")
    bench.connect(KEY)
    await asyncio.sleep(0)
    assert bench.handler.seen[-1].identity == Identity("anna")


async def test_shutdown_lets_handlers_finish() -> None:
    bench = Bench(drain_timeout=10)
    running = asyncio.create_task(bench.endpoint.run())
    await asyncio.sleep(0)
    client = bench.connect()
    await asyncio.sleep(0)
    stopping = asyncio.create_task(bench.endpoint.shutdown())
    await asyncio.sleep(0.01)
    assert bench.listener.calls == ["stop"]
    assert await ended(bench.connect()) == (0, "shutdown")
    bench.handler.release.set()
    await stopping
    await running
    assert await ended(client) == (0, "")
    assert (bench.handler.cancelled, bench.listener.calls) == (0, ["stop", "close"])


async def test_shutdown_closes_what_does_not_finish_and_may_be_repeated() -> None:
    bench = Bench(drain_timeout=0.01)
    client = bench.connect()
    await asyncio.sleep(0)
    await asyncio.gather(bench.endpoint.shutdown(), bench.endpoint.shutdown())
    assert await ended(client) == (0, "shutdown")
    assert (bench.handler.cancelled, len(bench.endpoint.connections)) == (1, 0)
    assert bench.listener.calls == ["stop", "close"]


async def test_a_handler_that_has_not_begun_is_ended_too(bench: Bench) -> None:
    bench.publish(PeerEntry("ann", (KEY,)))
    client = bench.connect(KEY)
    bench.publish()
    assert (await ended(client))[1] == "revoked: peer removed"
    await settled(bench, 0)
    assert bench.handler.seen == []


def test_two_handlers_for_one_alpn_stop_the_start() -> None:
    with pytest.raises(DuplicateAlpnError):
        HandlerRegistry([Handler(b"a"), Handler(b"b"), Handler(b"a")])


def test_the_first_handler_is_the_first_choice() -> None:
    assert HandlerRegistry([Handler(b"b"), Handler(b"a")]).alpns() == (b"b", b"a")


async def test_who_is_disconnected_is_told_and_counted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.publish(PeerEntry("ann", (KEY,)))
    ann, stranger, kept = bench.connect(KEY), bench.connect(OTHER), bench.connect(OTHER)
    await asyncio.sleep(0)
    live = bench.endpoint.connections
    first, second, _ = live
    assert [one.id for one in live] == sorted(one.id for one in live)
    assert (live.get(first.id), live.get(0), live.of_peer("ann"), live.of_peer("bob")) == (first, None, (first,), ())
    assert bench.endpoint.disconnect((first, second), "going home") == 2
    assert await ended(ann) == await ended(stranger) == (CLOSE_DISCONNECTED, "going home")
    await settled(bench, 1)
    assert (live.get(first.id), live.of_peer("ann")) == (None, ())
    assert bench.endpoint.snapshot() == {"connections": 1, "disconnected": 2}
    with monkeypatch.context() as patch:
        patch.setattr(next(iter(live)).connection, "close", _fail)
        assert bench.endpoint.disconnect(live, "again") == 1
    await settled(bench, 0)
    assert await ended(kept) == (0, "")
