"""Strangers at the door, over real sockets: forged Initials, Retry, filters (RFC 9000 §8.1, §21.3)."""

import asyncio
import contextlib
import os
import socket
import tracemalloc

import pytest
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import QuicFrameType, QuicPacketType, QuicProtocolVersion
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.tls import Epoch

from node.core.errors import ConnectError, HandshakeError
from node.core.live import Live
from node.quic.client.outgoing import DialSettings
from node.quic.connection.packets import parse_initial
from node.quic.limits import QuicLimits
from node.quic.metrics import QuicMetrics, Refusal
from node.quic.server import gate
from node.quic.server.admission import Admission
from node.quic.server.gate import Entry, Gate, Verdict
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey
from tests.support.quic import ALPN, Server, serving, settled, soon

CONNECTION_REFUSED = 0x2
KIB = 1024
BURST = 32
MANY = 1_000_000
"""Datagrams a second from one address, where the test is of another limit."""
"""Datagrams that fit the socket's buffer whatever the kernel grants, so that each one counts."""


class Forger:
    """Writes first packets that any server takes for those of a new client, each with another connection id."""

    def __init__(self, pin):
        engine = DialSettings(ALPN, None, pin, "alknet", QuicLimits()).make_engine()
        engine.connect(("127.0.0.1", 1), 0.0)
        self.source = engine.host_cid
        self.hello = bytes(engine._crypto_streams[Epoch.INITIAL].sender._buffer)

    def initial(self, destination=None, token=b""):
        destination = destination or os.urandom(8)
        crypto = CryptoPair()
        crypto.setup_initial(cid=destination, is_client=True, version=QuicProtocolVersion.VERSION_1)
        builder = QuicPacketBuilder(
            host_cid=self.source,
            peer_cid=destination,
            peer_token=token,
            version=QuicProtocolVersion.VERSION_1,
            is_client=True,
            max_datagram_size=1200,
        )
        builder.start_packet(QuicPacketType.INITIAL, crypto)
        frame = builder.start_frame(QuicFrameType.CRYPTO, capacity=16)
        frame.push_uint_var(0)
        frame.push_uint_var(len(self.hello))
        frame.push_bytes(self.hello)
        datagrams, _ = builder.flush()
        return datagrams[0].ljust(1200, b"\0")


@contextlib.contextmanager
def sender(server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0)
        sock.connect((server.host, server.port))
        yield sock


def judged(listener):
    """Initials that the gate has decided on, let in or not."""
    metrics = listener.metrics
    return listener._admission.total + metrics.retried + metrics.refused.total() + metrics.ignored


async def flood(server, sock, forger, count):
    before = judged(server.listener)
    for sent in range(BURST, count + 1, BURST):
        for _ in range(BURST):
            sock.send(forger.initial())
        await settled(lambda sent=sent: judged(server.listener) >= before + sent)


def next_retry(sock):
    """The next Retry packet, whatever else has come before it."""
    while (data := sock.recv(2000))[0] & 0xF0 != 0xF0:
        pass
    return data


def token_of(retry):
    """The chosen connection id and the token of a Retry packet (RFC 9000 §17.2.5)."""
    start = 6 + retry[5]
    end = start + 1 + retry[start]
    return retry[start + 1 : end], retry[end:-16]


@contextlib.asynccontextmanager
async def filtered(examine, **limits):
    key = NodeKey.generate()
    listener = await QuicListener.bind(
        "127.0.0.1", 0, key=key, alpns=[ALPN], limits=QuicLimits(**limits), examine=examine
    )
    server = Server(listener, key)
    try:
        yield server
    finally:
        for client in server.clients:
            client.close()
        await listener.close()


# Floods


async def test_a_flood_of_forged_initials_is_held_to_the_threshold_and_an_honest_client_gets_in():
    async with serving(retry_above=20, handshake_timeout=60, strangers_per_second=MANY) as server:
        await server.pair()
        forger = Forger(server.key.fingerprint)
        with sender(server) as sock:
            tracemalloc.start()
            try:
                await flood(server, sock, forger, 3008)
                held, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert len(server.links) == server.listener._admission.half_open + 1 == 21
            assert server.listener.metrics.retried == 3008 - 20
            assert held < 20 * 200 * KIB
            assert len(server.listener._routes) < 21 * 12
            await server.pair()
        assert server.listener.metrics.retried == 3008 - 20 + 1


async def test_handshakes_that_lead_nowhere_give_their_places_back():
    async with serving(max_half_open=3, handshake_timeout=1.5) as server:
        with sender(server) as sock:
            forger = Forger(server.key.fingerprint)
            for _ in range(5):
                sock.send(forger.initial())
            await settled(lambda: server.listener.metrics.refused[Refusal.HALF_OPEN] == 2)
            await settled(lambda: not server.links)
        assert server.listener._admission.half_open == 0
        await server.pair()
        assert server.listener._admission.half_open == 0


async def test_forged_initials_do_not_use_up_the_share_of_the_address_they_name():
    async with serving(max_connections_per_address=1) as server:
        with sender(server) as sock:
            forger = Forger(server.key.fingerprint)
            for _ in range(3):
                sock.send(forger.initial())
            await settled(lambda: len(server.links) == 3)
        await server.pair()


async def test_handshakes_at_once_get_no_more_than_the_share_of_their_address():
    async with serving(max_connections_per_address=1) as server:
        await asyncio.gather(*(server.dial() for _ in range(4)), return_exceptions=True)
        await settled(lambda: server.listener.metrics.refused[Refusal.ADDRESS] == 3)
        await server.accepted()
        assert server.waiting == 0
        assert server.listener._admission.by_origin["127.0.0.1"] == 1


async def test_most_refusals_of_a_flood_are_silent(monkeypatch):
    monkeypatch.setattr(gate, "REFUSALS_PER_SECOND", 1)
    async with serving(max_connections=1, strangers_per_second=MANY) as server:
        await server.pair()
        with sender(server) as sock:
            await flood(server, sock, Forger(server.key.fingerprint), 2 * BURST)
        metrics = server.listener.metrics
        assert metrics.refused == {Refusal.TOTAL: 2 * BURST}
        assert 0 < metrics.unanswered < 2 * BURST
        assert len(server.links) == 1


# Retry


async def test_nobody_is_sent_back_while_few_handshakes_are_under_way():
    async with serving() as server:
        for _ in range(3):
            await server.pair()
        assert not any(server.listener.metrics.troubles().values())


async def test_a_client_goes_through_a_retry_and_keeps_its_key():
    key = NodeKey.generate()
    async with serving(retry_above=0) as server:
        client = await server.dial(key=key)
        accepted = await server.accepted()
        assert accepted.fingerprint == key.fingerprint
        assert server.listener.metrics.retried == 1
        stream = await client.open_bi()
        await stream.write(b"after a retry")
        far = await soon(accepted.connection.accept_bi())
        assert await soon(far.read()) == b"after a retry"


async def test_a_retry_is_far_shorter_than_what_it_answers_and_leaves_nothing():
    async with serving(retry_above=0) as server:
        with sender(server) as sock:
            sock.send(Forger(server.key.fingerprint).initial())
            await settled(lambda: server.listener.metrics.retried)
            assert len(sock.recv(2000)) < 200
        assert not server.links
        assert not server.listener._routes


@pytest.mark.parametrize("spoil", ["address", "destination", "content"])
async def test_a_token_is_good_for_its_own_address_and_connection_id_alone(spoil):
    async with serving(retry_above=0) as server:
        forger = Forger(server.key.fingerprint)
        with sender(server) as first, sender(server) as second:
            first.send(forger.initial())
            await settled(lambda: server.listener.metrics.retried)
            chosen, token = token_of(first.recv(2000))
            sock = second if spoil == "address" else first
            destination = bytes(8) if spoil == "destination" else chosen
            sock.send(forger.initial(destination, token[:-1] + b"?" if spoil == "content" else token))
            await settled(lambda: server.listener.metrics.refused[Refusal.TOKEN])
            assert not server.links
            first.send(forger.initial(chosen, token))
            await settled(lambda: server.links)
            assert server.listener._admission.by_origin["127.0.0.1"] == 1


def test_a_token_lasts_half_a_minute():
    admission, metrics, address = Admission(Live(QuicLimits(retry_above=0))), QuicMetrics(), ("192.0.2.1", 5)
    door = Gate(admission, metrics, None)
    forger = Forger(NodeKey.generate().fingerprint)
    answer = door.judge(parse_initial(forger.initial()), address, 100.0)
    again = parse_initial(forger.initial(*token_of(answer)))
    assert isinstance(door.judge(again, address, 129.0), Entry)
    assert isinstance(door.judge(again, address, 131.0), bytes)
    assert metrics.refused == {Refusal.TOKEN: 1}


async def test_a_proven_address_holds_no_more_handshakes_than_its_share():
    """Else a few real addresses would hold every place for a whole time-out each."""
    async with serving(retry_above=0, max_half_open_per_address=2) as server:
        forger = Forger(server.key.fingerprint)
        metrics = server.listener.metrics
        with sender(server) as sock:
            for number in range(1, 4):
                sock.send(forger.initial())
                await settled(lambda number=number: metrics.retried == number)
                sock.send(forger.initial(*token_of(next_retry(sock))))
            await settled(lambda: metrics.refused[Refusal.HALF_OPEN_ADDRESS] == 1)
            assert len(server.links) == 2
        for link in server.links:
            link.drop()
        await server.pair()
        assert not server.listener._admission.half_open_by_origin


def test_an_address_that_begins_too_many_handshakes_must_prove_itself_and_then_wait():
    limits = Live(QuicLimits(handshakes_per_second=2))
    metrics, address = QuicMetrics(), ("192.0.2.1", 5)
    door = Gate(Admission(limits), metrics, None)
    forger = Forger(NodeKey.generate().fingerprint)
    for _ in range(2):
        assert isinstance(door.judge(parse_initial(forger.initial()), address, 100.0), Entry)
    answer = door.judge(parse_initial(forger.initial()), address, 100.0)
    assert metrics.retried == 1
    proven = parse_initial(forger.initial(*token_of(answer)))
    for _ in range(2):
        assert isinstance(door.judge(proven, address, 100.5), Entry)
    assert isinstance(door.judge(proven, address, 100.5), bytes)
    assert metrics.refused == {Refusal.RATE: 1}
    assert isinstance(door.judge(parse_initial(forger.initial()), ("192.0.2.2", 5), 100.5), Entry)
    assert isinstance(door.judge(proven, address, 102.0), Entry)


async def test_noise_under_good_tokens_makes_a_bounded_number_of_engines():
    """A proven address need not go on to send anything that can be decrypted."""
    async with serving(retry_above=0, handshakes_per_second=10) as server:
        forger, metrics = Forger(server.key.fingerprint), server.listener.metrics
        with sender(server) as sock:
            for number in range(1, 61):
                sock.send(forger.initial())
                await settled(lambda number=number: metrics.retried == number)
            for _ in range(60):
                sock.send(forger.initial(*token_of(next_retry(sock)))[:100] + bytes(1100))
            await settled(lambda: metrics.undecryptable + metrics.refused[Refusal.RATE] == 60)
        assert metrics.undecryptable <= 20, "more than in a second and the next"
        assert not server.links


# The filter


async def test_a_filter_that_accepts_is_told_the_address():
    seen = []

    def examine(address, *, validated):
        seen.append((address[0], validated))
        return Verdict.ACCEPT

    async with filtered(examine) as server:
        await server.pair()
    assert seen == [("127.0.0.1", False)]


async def test_a_filter_that_asks_for_a_retry_is_asked_again_once_the_address_is_proven():
    seen = []

    def examine(address, *, validated):
        seen.append(validated)
        return Verdict.RETRY

    async with filtered(examine) as server:
        await server.pair()
        assert server.listener.metrics.retried == 1
    assert seen == [False, True]


async def test_a_filter_that_refuses_or_raises_keeps_the_client_out():
    def refusing(address, *, validated):
        return Verdict.REFUSE

    def failing(address, *, validated):
        raise RuntimeError("out of order")

    for examine in (refusing, failing):
        async with filtered(examine) as server:
            with pytest.raises(HandshakeError) as caught:
                await server.dial()
            assert caught.value.code == CONNECTION_REFUSED
            assert server.listener.metrics.refused == {Refusal.FILTER: 1}
            assert not server.links


async def test_a_filter_that_ignores_leaves_the_client_without_an_answer():
    async with filtered(lambda address, *, validated: Verdict.IGNORE) as server:
        with pytest.raises(ConnectError, match="no answer"):
            await server.dial(timeout=0.3)
        assert server.listener.metrics.ignored >= 1
        assert not server.links
