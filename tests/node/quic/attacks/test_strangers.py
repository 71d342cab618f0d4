"""Those who never finish a handshake: what one of their datagrams can cost, hold, or have sent to somebody else."""

import asyncio
import socket

import pytest
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import QuicFrameType, QuicPacketType
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.tls import Epoch

from bench.hostile import frame, sealed
from node.quic.connection.packets import parse_initial
from node.quic.engine.engine import VERSIONS
from node.quic.engine.guard import KEPT_ACKS, MAX_HELLO
from tests.support.attacker import Duel, held
from tests.support.quic import serving, settled, soon

CRYPTO_BUFFER_EXCEEDED = 0xD
KIB = 1024


def crypto_frame(offset, data=b"x"):
    return frame(0x06, offset, len(data), tail=data)


def test_handshake_bytes_far_ahead_are_not_held():
    """The engine alone would take 512 KiB for a first datagram of 1 200 bytes."""
    duel = Duel()
    duel.strike(sealed(duel.client, crypto_frame(MAX_HELLO), Epoch.INITIAL))
    assert duel.server.ending.code == CRYPTO_BUFFER_EXCEEDED
    assert duel.server.flooded
    assert held(duel.server) <= KIB


def goodbye(hello, version):
    """A close in an Initial of this version, as anybody can make who has seen the client's first datagram."""
    initial = parse_initial(hello)
    crypto = CryptoPair()
    crypto.setup_initial(cid=initial.destination, is_client=True, version=version)
    builder = QuicPacketBuilder(
        host_cid=initial.source,
        peer_cid=initial.destination,
        version=version,
        is_client=True,
        max_datagram_size=1200,
        packet_number=9,
    )
    builder.start_packet(QuicPacketType.INITIAL, crypto)
    builder.start_frame(QuicFrameType.TRANSPORT_CLOSE).push_bytes(bytes(3))
    return builder.flush()[0][0].ljust(1200, b"\0")


@pytest.mark.parametrize("version", VERSIONS)
def test_once_the_client_has_handshake_keys_no_initial_of_any_version_ends_the_connection(version):
    duel = Duel()
    duel.strike(duel.hello)
    duel.client.receive_datagram(duel.answers(duel.server)[0], duel.SERVER, duel.now)
    duel.strike(sealed(duel.client, frame(0x01) + bytes(20), Epoch.HANDSHAKE))
    assert not duel.server._handshake_confirmed
    duel.strike(goodbye(duel.hello, version))
    assert duel.server.ending is None
    duel.shake_hands()


def test_handshake_bytes_with_gaps_are_held_up_to_their_bound():
    duel = Duel()
    for offset in range(2, MAX_HELLO, 600):
        duel.strike(sealed(duel.client, crypto_frame(offset), Epoch.INITIAL))
    assert duel.server.ending is None
    assert held(duel.server) <= 2 * MAX_HELLO


def test_a_hello_in_many_shuffled_frames_is_understood():
    """As browsers send it, so that nothing on the way grows used to its shape."""
    duel = Duel()
    sender = duel.client._crypto_streams[Epoch.INITIAL].sender
    hello = bytes(sender._buffer)
    steps = range(0, len(hello), 29)
    frames = [crypto_frame(start, hello[start : start + 29]) for start in steps]
    duel.strike(sealed(duel.client, b"".join(frames[1::2] + frames[::2]), Epoch.INITIAL))
    assert duel.server.ending is None
    assert duel.answers(duel.server)


def test_many_packets_in_a_first_datagram_cost_no_more_than_one():
    duel = Duel()
    made = []
    make = duel.server._make_handshake
    duel.server._make_handshake = lambda given: made.append(given) or make(given)
    header = bytes.fromhex("c0 00000001 08") + duel.client._peer_cid.cid + bytes.fromhex("00 00 4014")
    duel.strike(((header + bytes(20)) * 35).ljust(1200, b"\0"))
    assert len(made) == 1
    assert not duel.server.begun


def test_a_peer_that_has_proven_nothing_is_sent_three_times_what_it_sent_at_most():
    """To the end of the handshake's time: retransmissions and our close included."""
    duel = Duel()
    duel.strike(duel.hello)
    sent = 0
    for _ in range(1000):
        duel.now += 0.01
        sent += sum(map(len, duel.answers(duel.server)))
    duel.server.abandon("handshake timed out")
    sent += sum(map(len, duel.answers(duel.server)))
    assert 2 * len(duel.hello) < sent <= 3 * len(duel.hello)


def test_addresses_that_a_connection_pretends_to_move_to_are_few_and_get_little():
    duel = Duel().shake_hands()
    received, sent = {}, {}
    for number in range(500):
        address = (f"198.51.100.{number % 250}", 1000 + number)
        data = sealed(duel.client, frame(0x01))
        received[address] = received.get(address, 0) + len(data)
        duel.server.receive_datagram(data, address, duel.now)
        duel.now += 0.002
        for answer, target in duel.server.datagrams_to_send(duel.now):
            sent[target] = sent.get(target, 0) + len(answer)
    assert len(duel.server._network_paths) <= 8
    for address, size in sent.items():
        assert address == duel.CLIENT or size <= 3 * received[address]
    assert duel.server.ending is None


async def test_a_handshake_that_is_kept_warm_ends_in_time():
    """Packets keep coming, but no handshake: neither the idle time-out nor a lost connection ends it."""
    async with serving(handshake_timeout=0.4) as server:
        client = Duel().client
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.connect((server.host, server.port))
            stranger.send(sealed(client, crypto_frame(0), Epoch.INITIAL))
            await settled(lambda: server.links)
            engine = server.links[0].engine
            for _ in range(300):
                stranger.send(sealed(client, frame(0x01), Epoch.INITIAL))
                await asyncio.sleep(0.001)
            assert len(engine._spaces[Epoch.INITIAL].sent_packets) <= 3 * KEPT_ACKS
            await settled(lambda: server.links[0].engine.ended if server.links else True)
            await settled(lambda: not server.links)
        admission = server.listener._admission
        assert (admission.total, admission.half_open) == (0, 0)
        assert not server.listener._routes


async def test_a_flood_of_unknown_versions_leaves_nothing_and_earns_nothing():
    async with serving() as server:
        hello = bytes.fromhex("c0 1a2a3a4a 08 1122334455667788 04 88776655").ljust(1200, b"\0")
        answered = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.settimeout(0)
            stranger.connect((server.host, server.port))
            for _ in range(50):
                for _ in range(40):
                    stranger.send(hello)
                await asyncio.sleep(0)
                try:
                    while True:
                        answered += len(stranger.recv(2000))
                except BlockingIOError:
                    pass
        # The flood comes from the address of the honest client, which must wait for the next second to be heard.
        await soon(server.pair())
        assert answered < 2000 * 1200 / 20
        assert len(server.links) == 1
        assert set(server.listener._routes.values()) == set(server.links)
