"""What the endpoint tells the journal."""

import asyncio

import pytest

from node.core import current
from node.core.connection import Connection
from node.core.handler import ProtocolHandler
from node.core.identity import AuthContext
from node.core.index import IndexProvider, build_index
from node.core.journal import Event, EventKind
from node.core.peers import PeerEntry
from node.endpoint import endpoint as endpoint_module
from node.endpoint.endpoint import Endpoint
from node.endpoint.limits import EndpointLimits
from node.endpoint.registry import HandlerRegistry
from tests.support.eventually import eventually
from tests.support.journals import ListJournal
from tests.support.streams import connection_pair

ALPN = b"test/echo"
KEY, OTHER = ("ed25519:" + digit * 64 for digit in "ab")
ADDRESS = ("192.0.2.1", 4433)
ANN = PeerEntry("ann", (KEY,))


class Waiting(ProtocolHandler):
    """Serves until its connection ends, and notes which connection its task is said to serve."""

    alpn = ALPN

    def __init__(self) -> None:
        self.ids: list[int | None] = []

    async def handle(self, connection: Connection, auth: AuthContext) -> None:
        self.ids.append(current.connection.get())
        await connection.wait_closed()


class Bench:
    def __init__(self) -> None:
        self.journal, self.handler, self.provider = ListJournal(), Waiting(), IndexProvider()
        registry = HandlerRegistry([self.handler])
        self.endpoint = Endpoint(registry, self.provider, EndpointLimits(drain_timeout=0), journal=self.journal)
        self.provider.publish(build_index([ANN]))
        self.provider.subscribe(self.endpoint.enforce)

    def connect(self, fingerprint: str | None = KEY, alpn: bytes = ALPN) -> Connection:
        client, server = connection_pair(alpn)
        self.endpoint.dispatch(server, alpn, fingerprint, ADDRESS)
        return client

    def publish(self, *peers: PeerEntry, changed: frozenset[str] | None = frozenset({"ann"})) -> None:
        self.provider.publish(build_index(peers, (), 9), changed, 1.0)

    async def told(self, kind: EventKind) -> Event:
        await eventually(lambda: self.journal.of(kind))
        [event] = self.journal.of(kind)
        return event


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_a_connection_is_told_at_its_beginning_and_at_its_end(bench: Bench) -> None:
    client = bench.connect()
    await asyncio.sleep(0)
    client.close(7, "enough")
    begun, ended = await bench.told(EventKind.CONNECTED), await bench.told(EventKind.CLOSED)
    for event in (begun, ended):
        assert (event.peer_id, event.fingerprint, event.alpn) == ("ann", KEY, "test/echo")
        assert (event.address, event.connection) == ("192.0.2.1:4433", bench.handler.ids[0])
    assert begun.connection is not None
    assert ended.reason == "enough"
    assert ended.detail["code"] == 7
    assert {"seconds", "bytes_received", "bytes_sent"} <= set(ended.detail)


async def test_the_length_of_a_connection_does_not_follow_a_clock_that_jumps(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = bench.connect()
    await asyncio.sleep(0)
    monkeypatch.setattr("time.time", lambda: 4e9)
    client.close()
    seconds = (await bench.told(EventKind.CLOSED)).detail["seconds"]
    assert isinstance(seconds, float)
    assert 0 <= seconds < 3600


async def test_one_that_is_ended_before_its_handler_began_is_told_as_ended(bench: Bench) -> None:
    bench.connect()
    bench.publish(changed=None)
    assert (await bench.told(EventKind.CLOSED)).reason == "revoked: peer removed"
    assert bench.handler.ids == []


async def test_a_change_is_told_with_what_it_closed(bench: Bench) -> None:
    for _ in range(2):
        bench.connect()
    await asyncio.sleep(0)
    bench.publish(PeerEntry("ann", (KEY,), enabled=False))
    event = await bench.told(EventKind.ENFORCED)
    assert (event.peer_id, event.reason) == ("ann", "revoked: peer disabled")
    assert (event.detail["generation"], event.detail["closed"], event.detail["change"]) == (9, 2, "peer: ann")
    milliseconds = event.detail["milliseconds"]
    assert isinstance(milliseconds, float)
    assert milliseconds > 0
    assert [event.reason for event in bench.journal.of(EventKind.CLOSED)] == []
    await eventually(lambda: len(bench.journal.of(EventKind.CLOSED)) == 2)
    assert {event.reason for event in bench.journal.of(EventKind.CLOSED)} == {"revoked: peer disabled"}


async def test_a_change_of_many_peers_names_some(bench: Bench) -> None:
    bench.publish(changed=frozenset(f"peer-{number:02}" for number in range(12)))
    event = await bench.told(EventKind.ENFORCED)
    assert event.peer_id is None
    assert event.detail["change"] == f"peers: {', '.join(f'peer-{number:02}' for number in range(10))} and 2 more"


async def test_a_flood_of_changes_that_close_nothing_is_not_told_one_by_one(bench: Bench) -> None:
    for _ in range(200):
        bench.publish(ANN)
    most = endpoint_module.QUIET_AT_ONCE
    assert most <= len(bench.journal.of(EventKind.ENFORCED)) < 2 * most


async def test_a_refusal_names_its_rule(bench: Bench) -> None:
    bench.connect(OTHER, b"test/none")
    event = await bench.told(EventKind.REFUSED)
    assert (event.alpn, event.fingerprint, event.detail["rule"]) == ("test/none", OTHER, "no handler")
    bench.journal.events.clear()
    await bench.endpoint.shutdown()
    bench.connect()
    event = await bench.told(EventKind.REFUSED)
    assert (event.reason, event.detail) == ("shutdown", {"rule": "stopping", "message": "shutdown"})


async def test_a_connection_that_we_have_made_is_told_too(bench: Bench) -> None:
    _, ours = connection_pair(ALPN)
    auth = AuthContext(None, ALPN, ADDRESS, KEY)
    with bench.endpoint.listing(ours, auth) as live:
        assert (await bench.told(EventKind.CONNECTED)).detail == {"dialled": True}
        live.end(0x43, "cut")
    assert (await bench.told(EventKind.CLOSED)).reason == "cut"
