"""Who connects and is served: who it is said to be, what becomes of errors, and what is kept."""

import asyncio
import logging

import pytest

from node.core.connection import CLOSE_DISCONNECTED
from node.core.errors import AuthRequired, ConnectionClosed, StreamClosed
from node.core.identity import AuthContext, Identity
from node.core.peers import PeerEntry
from node.endpoint.registry import DuplicateAlpnError, HandlerRegistry
from tests.support.endpoint import ADDRESS, ALPN, KEY, OTHER, Bench, Handler, ended, failing, settled
from tests.support.streams import connection_pair


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
        patch.setattr(next(iter(live)).connection, "close", failing)
        assert bench.endpoint.disconnect(live, "again") == 1
    await settled(bench, 0)
    assert await ended(kept) == (0, "")
