"""Dialling a name with several addresses (RFC 8305), over real sockets."""

import asyncio
import contextlib
import itertools
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.core.errors import ConnectError, HandshakeError, PinMismatch
from node.quic.client import dial as dial_module
from node.quic.client import race
from node.quic.client.race import MAX_ATTEMPTS, in_turn
from node.quic.tls.keys import NodeKey
from node.quic.udp.socket import Target
from tests.support.lossy import Fate, lossy
from tests.support.quic import LONG, serving, settled, soon

V4, V6 = socket.AF_INET, socket.AF_INET6
TARGETS = st.builds(Target, st.sampled_from([V4, V6]), st.tuples(st.ip_addresses().map(str), st.just(4433)))


@given(st.lists(TARGETS, max_size=12))
def test_families_take_turns_and_each_keeps_its_order(targets):
    chosen = in_turn(targets)
    assert len(chosen) == min(MAX_ATTEMPTS, len(set(targets)))
    for family in (V4, V6):
        mine = [target for target in dict.fromkeys(targets) if target.family == family]
        picked = [target for target in chosen if target.family == family]
        assert picked == mine[: len(picked)]
    if chosen:
        assert chosen[0] == targets[0]
    both = 2 * min(sum(target.family == family for target in chosen) for family in (V4, V6))
    assert all(one.family != other.family for one, other in itertools.pairwise(chosen[:both]))


@contextlib.contextmanager
def silent():
    """An address where everything is taken and nothing answered."""
    with socket.socket(V4, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield Target(V4, sock.getsockname())


def refusing():
    """An address where nothing listens, which the kernel says at once."""
    with silent() as target:
        return target


def target_of(server):
    return Target(V6 if ":" in server.host else V4, (server.host, server.port))


@pytest.fixture
def addresses(monkeypatch):
    """Have the name `node.test` stand for these."""

    def name(*targets):
        async def resolve(host, _):
            assert host == "node.test"
            return list(targets)

        monkeypatch.setattr(dial_module, "resolve", resolve)

    return name


@pytest.fixture
def patient(monkeypatch):
    """The next address is tried only once one has failed: otherwise not before the test would fail."""
    monkeypatch.setattr(race, "ATTEMPT_DELAY", 10 * LONG)


async def test_an_address_that_does_not_answer_delays_the_next_by_a_moment_only(addresses):
    async with serving() as server:
        with silent() as dead:
            addresses(dead, dead, target_of(server))
            client = await soon(server.dial(host="node.test"))
            assert client.remote_addr == server.listener.address


async def test_a_refusal_starts_the_next_attempt_at_once(addresses, patient):
    async with serving("::1") as server:
        addresses(refusing(), refusing(), target_of(server))
        assert (await soon(server.dial(host="node.test"))).remote_addr == server.listener.address


async def test_an_address_without_a_route_starts_the_next_attempt_at_once(addresses, patient):
    async with serving() as server:
        # The kernel lets no plain socket reach a broadcast address.
        addresses(Target(V4, ("255.255.255.255", 9)), target_of(server))
        assert (await soon(server.dial(host="node.test"))).remote_addr == server.listener.address


async def test_a_wrong_key_at_one_address_does_not_keep_from_the_right_one_at_another(addresses, patient):
    async with serving() as impostor, serving("::1") as server:
        addresses(target_of(impostor), target_of(server))
        await soon(server.dial(host="node.test"))
        await server.accepted()
        assert impostor.waiting == 0
        await settled(lambda: not impostor.links)


@pytest.mark.parametrize("wrong_first", [True, False])
async def test_a_wrong_key_is_not_hidden_by_what_happens_elsewhere(addresses, wrong_first):
    async with serving() as impostor, serving("::1") as other:
        wrong = [target_of(impostor), refusing()]
        addresses(*(wrong if wrong_first else wrong[::-1]))
        pin = NodeKey.generate().fingerprint
        with pytest.raises(PinMismatch) as caught:
            await soon(other.dial(host="node.test", pin=pin))
        assert (caught.value.expected, caught.value.shown) == (pin, impostor.key.fingerprint)


async def test_a_failed_handshake_is_not_hidden_by_a_refusal(addresses):
    async with serving() as server:
        addresses(target_of(server), refusing())
        with pytest.raises(HandshakeError) as caught:
            await soon(server.dial(host="node.test", alpn=b"alknet/unheard-of"))
        assert caught.value.code == 0x178


async def test_who_has_answered_and_failed_ends_the_wait_for_those_who_are_silent(addresses, monkeypatch):
    monkeypatch.setattr(race, "AFTER_ANSWER", 0.02)
    async with serving() as server:
        with silent() as dead:
            addresses(dead, target_of(server))
            with pytest.raises(PinMismatch):
                await soon(server.dial(host="node.test", pin=NodeKey.generate().fingerprint, timeout=10 * LONG))


async def test_the_time_out_covers_all_addresses_and_the_error_names_each(addresses, monkeypatch):
    monkeypatch.setattr(race, "ATTEMPT_DELAY", 0.01)
    with silent() as one, silent() as other:
        addresses(one, other)
        async with serving() as server:
            with pytest.raises(ConnectError) as caught:
                await soon(server.dial(host="node.test", timeout=0.2))
    for target in (one, other):
        assert f"no answer from 127.0.0.1:{target.address[1]}" in str(caught.value)


async def test_a_resolver_that_does_not_answer_is_covered_by_the_time_out(monkeypatch):
    async def resolve(*_):
        await asyncio.Event().wait()

    monkeypatch.setattr(dial_module, "resolve", resolve)
    async with serving() as server:
        with pytest.raises(ConnectError, match="in time"):
            await soon(server.dial(host="node.test", timeout=0.02))


@pytest.mark.parametrize("off", [65_536, -65_536])
async def test_a_port_that_is_none_is_not_taken_for_another(off):
    """The system's resolver looks at the lowest 16 bits only."""
    async with serving() as server:
        with pytest.raises(ConnectError, match="cannot find"):
            await soon(server.dial(port=server.port + off))


async def test_only_so_many_addresses_are_tried(addresses, monkeypatch):
    monkeypatch.setattr(race, "ATTEMPT_DELAY", 0.0)
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(V4, socket.SOCK_DGRAM)) for _ in range(MAX_ATTEMPTS + 3)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
            sock.settimeout(0)
        addresses(*(Target(V4, sock.getsockname()) for sock in sockets))
        async with serving() as server:
            with pytest.raises(ConnectError):
                await soon(server.dial(host="node.test", timeout=0.1))
        reached = [sock for sock in sockets if _was_reached(sock)]
        assert reached == sockets[:MAX_ATTEMPTS]


def _was_reached(sock):
    try:
        return len(sock.recv(2000)) >= 1200
    except BlockingIOError:
        return False


async def test_the_loser_s_server_is_told_at_once(addresses, monkeypatch):
    monkeypatch.setattr(race, "ATTEMPT_DELAY", 0.05)
    async with (
        serving(idle_timeout=600, handshake_timeout=60) as slow,
        serving() as server,
        lossy(slow.listener.address) as proxy,
    ):
        proxy.judge = lambda to_server: Fate.DELIVER if to_server else Fate.DROP
        addresses(Target(V4, proxy.address), target_of(server))
        await soon(server.dial(host="node.test"))
        await settled(lambda: not slow.links)
        assert slow.waiting == 0


async def test_of_two_that_succeed_at_once_one_is_closed(addresses, monkeypatch):
    monkeypatch.setattr(race, "ATTEMPT_DELAY", 0.0)
    key = NodeKey.generate()
    async with serving(key=key, idle_timeout=600) as one, serving(key=key, idle_timeout=600) as other:
        addresses(target_of(one), target_of(other))
        client = await soon(one.dial(host="node.test"))
        winner, loser = (one, other) if client.remote_addr == one.listener.address else (other, one)
        await settled(lambda: len(winner.links) == 1 and not loser.links)
        assert not winner.links[0].engine.ended
        if loser.waiting:
            assert (await soon((await loser.accepted()).connection.wait_closed())).code == 0


async def test_a_cancelled_dial_ends_every_attempt(addresses, monkeypatch):
    monkeypatch.setattr(race, "ATTEMPT_DELAY", 0.0)
    begun = []
    start = race.Race._start

    def record(self, target, now):
        start(self, target, now)
        begun.extend(self._running)

    monkeypatch.setattr(race.Race, "_start", record)
    with silent() as dead:
        addresses(dead, Target(V4, ("127.0.0.2", dead.address[1])), dead)
        async with serving() as server:
            dialling = asyncio.create_task(server.dial(host="node.test"))
            await settled(lambda: begun)
            dialling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await dialling
    assert all(not call.link._alarm.is_set and call.outcome.done() for call in begun)
