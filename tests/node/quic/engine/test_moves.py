"""A peer that changes its address, one that only claims to, and one that does nothing else (RFC 9000 §9)."""

import asyncio
import itertools
import socket
from collections import Counter

import pytest
from aioquic.quic.packet import QuicFrameType, QuicPreferredAddress

from bench.hostile import frame, sealed
from node.quic.connection import link as link_module
from node.quic.engine.paths import CHALLENGES, CHALLENGES_PER_SECOND, CLAIMS, CLAIMS_PER_SECOND
from tests.support.attacker import Duel
from tests.support.lossy import lossy
from tests.support.quic import LONG, engine_of, exchange, move, serving, settled, socket_of


def watched(connection):
    told = []
    connection.watch_moves(lambda old, new: told.append((old, new)))
    return told


async def test_a_move_is_told_once_it_is_proven_with_both_addresses():
    async with serving() as server:
        client, accepted = await server.pair()
        told, before = watched(accepted), accepted.remote_addr
        move(client)
        await exchange(client, accepted)
        await settled(lambda: told)
        after = socket_of(client).address
        assert told == [(before, after)]
        assert accepted.remote_addr == after
        await exchange(client, accepted)
        assert len(told) == server.listener.metrics.moved == 1


async def test_a_moved_connection_counts_where_it_began():
    async with serving(max_connections_per_address=1) as server:
        client, accepted = await server.pair()
        move(client, "127.0.0.2")
        await exchange(client, accepted)
        await settled(lambda: server.listener.metrics.moved)
        assert server.listener._admission.by_origin == {"127.0.0.1": 1}
        client.close()
        await settled(lambda: not server.links)
        assert not server.listener._admission.by_origin


@pytest.mark.parametrize(("host", "anew"), [("127.0.0.1", False), ("127.0.0.2", True)])
async def test_what_was_learnt_of_a_path_is_forgotten_with_the_path(host, anew):
    """Another port is the same path behind the same NAT; another address may be anything (RFC 9000 §9.4)."""
    async with serving() as server:
        client, accepted = await server.pair()
        await exchange(client, accepted)
        control = engine_of(accepted)._loss._cc
        move(client, host)
        await exchange(client, accepted)
        await settled(lambda: server.listener.metrics.moved)
        assert (engine_of(accepted)._loss._cc is not control) == anew
        for _ in range(3):
            await exchange(client, accepted)
        await settled(lambda: engine_of(accepted)._loss.bytes_in_flight == 0)


async def test_packets_that_come_first_from_somebody_on_the_way_move_nothing():
    """An attacker who sees a packet and overtakes it has the copy taken for the original (RFC 9000 §9.3.3)."""
    async with serving() as server, lossy((server.host, server.port)) as proxy:
        client, accepted = await server.pair(host=proxy.address[0], port=proxy.address[1])
        await exchange(client, accepted)
        told, before = watched(accepted), accepted.remote_addr
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief:
            thief.bind(("127.0.0.1", 0))
            deliver = proxy._from_client

            def overtake(data, address):
                thief.sendto(data, (server.host, server.port))
                deliver(data, address)

            proxy._front.get_protocol()._on_datagram = overtake
            for _ in range(3):
                await exchange(client, accepted)
            proxy._front.get_protocol()._on_datagram = deliver
            await exchange(client, accepted)
        assert accepted.remote_addr == before
        assert not told
        assert server.listener.metrics.moved == 0


async def test_of_a_peer_that_goes_to_and_fro_few_moves_are_told_but_the_last_address_is_known(monkeypatch):
    monkeypatch.setattr(link_module, "MOVES", 3)
    async with serving() as server:
        client, accepted = await server.pair()
        told, own = watched(accepted), socket_of(client)
        first = own._udp._socket.dup()
        first.settimeout(0)
        move(client)
        await exchange(client, accepted)
        await settled(lambda: told)
        sockets = [first, own._udp._socket]
        loop = own._udp._loop
        for turn in range(12):
            loop.remove_reader(own._udp._socket.fileno())
            own._udp._socket = sockets[turn % 2]
            own._start()
            await exchange(client, accepted)
            assert accepted.remote_addr == own.address
        sockets[0].close()
        assert 3 <= len(told) < 12
        assert server.listener.metrics.moved == len(told)
        for (_, new), (old, _) in itertools.pairwise(told):
            assert new == old


async def test_datagrams_dropped_for_their_changes_of_address_are_counted_while_the_connection_lives():
    async with asyncio.timeout(LONG), serving() as server:
        client, accepted = await server.pair()
        await exchange(client, accepted)
        loop, metrics = asyncio.get_running_loop(), server.listener.metrics
        while metrics.moves_dropped < 4:
            await asyncio.sleep(0.005)
            engine_of(client).send_ping(1)
            for data, _ in engine_of(client).datagrams_to_send(loop.time()):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
                    elsewhere.sendto(data, server.listener.address)
        count = metrics.moves_dropped
        client.close()
        await settled(lambda: not server.links)
        assert metrics.moves_dropped < 2 * count


class Roamer(Duel):
    """A client whose datagrams carry any sender address, and which counts what is sent to each."""

    def __init__(self):
        super().__init__(idle_timeout=600)
        self.shake_hands()
        self.sent, self.got, self.packets = Counter(), Counter(), Counter()

    def ping(self, sender):
        """One datagram from there, and the server's answers; only those to the client's own address arrive."""
        self.client.send_ping(1)
        for data, _ in self.client.datagrams_to_send(self.now):
            self.sent[sender] += len(data)
            self.server.receive_datagram(data, sender, self.now)
        self.advance(0.0)

    def advance(self, seconds):
        self.now += seconds
        for engine in (self.server, self.client):
            due = engine.get_timer()
            if due is not None and due <= self.now:
                engine.handle_timer(self.now)
        for data, address in self.server.datagrams_to_send(self.now):
            self.got[address] += len(data)
            self.packets[address] += 1
            if address == self.CLIENT:
                self.client.receive_datagram(data, self.SERVER, self.now)
        assert self.server.proven_address == self.CLIENT
        for engine in (self.server, self.client):
            list(engine.pending_events())

    @property
    def disturbed(self):
        """Addresses of others to which something was sent."""
        return [address for address in self.got if address != self.CLIENT]


def test_a_new_address_for_every_packet_disturbs_few():
    roamer = Roamer()
    for number in range(1000):
        roamer.ping(("198.51.100.7", number))
        roamer.advance(0.001)
    assert len(roamer.disturbed) <= CLAIMS
    assert len(roamer.server._network_paths) <= 8
    assert len(roamer.sent) > 100
    assert roamer.server.take_strayed() >= len(roamer.sent) - CLAIMS - 1
    for address in roamer.disturbed:
        assert roamer.got[address] <= 3 * roamer.sent[address]
    before = roamer.packets[roamer.CLIENT]
    for _ in range(40):
        roamer.ping(roamer.CLIENT)
        roamer.advance(0.05)
    assert roamer.server.get_peer_address() == roamer.CLIENT
    assert roamer.packets[roamer.CLIENT] > before


def test_who_has_no_keys_uses_up_none_of_a_client_s_moves():
    """A connection id is seen by everyone on the way, and so can be sent from anywhere with noise behind it."""
    roamer, elsewhere = Roamer(), ("203.0.113.9", 9)
    roamer.client.send_ping(1)
    [(seen, _)] = roamer.client.datagrams_to_send(roamer.now)
    roamer.server.receive_datagram(seen, roamer.CLIENT, roamer.now)
    noise = bytes([0x40]) + roamer.server.host_cid + bytes(60)
    for number in range(10 * CLAIMS):
        for data in (noise, seen):
            roamer.server.receive_datagram(data, ("198.51.100.7", number), roamer.now)
    assert len(roamer.server._network_paths) == 1
    roamer.ping(elsewhere)
    assert roamer.server.get_peer_address() == elsewhere
    assert roamer.server.take_strayed() == 0


def test_to_come_and_go_buys_no_more_traffic_to_a_victim():
    roamer, victim = Roamer(), ("203.0.113.9", 9)
    for _ in range(200):
        roamer.ping(victim)
        roamer.ping(roamer.CLIENT)
        roamer.advance(0.001)
    assert roamer.packets[victim] <= 2 * CLAIMS
    assert roamer.got[victim] <= 3 * roamer.sent[victim]


def test_to_stay_at_a_victim_s_address_is_given_up_again_and_again():
    roamer, victim = Roamer(), ("203.0.113.9", 9)
    quiet = 0
    for _ in range(600):
        before = roamer.packets[victim]
        roamer.ping(victim)
        roamer.advance(0.1)
        quiet += roamer.packets[victim] == before
    # One claim is good for the time that a proof may take, and over a minute there are few claims.
    claims = CLAIMS + 60 * CLAIMS_PER_SECOND
    assert roamer.got[victim] <= 3 * roamer.sent[victim]
    assert quiet > 600 - 12 * claims


def test_of_endless_challenges_from_a_victim_s_address_few_are_answered():
    """Each answer may be three times as long as its challenge, and none of this changes the address in use."""
    roamer, victim = Roamer(), ("203.0.113.9", 9)
    for number in range(600):
        challenge = sealed(roamer.client, frame(QuicFrameType.PATH_CHALLENGE, tail=number.to_bytes(8, "big")))
        roamer.sent[victim] += len(challenge)
        roamer.server.receive_datagram(challenge, victim, roamer.now)
        roamer.ping(roamer.CLIENT)
        roamer.advance(0.05)
    assert CHALLENGES < roamer.packets[victim] <= CHALLENGES + 30 * CHALLENGES_PER_SECOND + CLAIMS
    assert roamer.got[victim] <= 3 * roamer.sent[victim]
    assert not roamer.server.ended


def test_a_server_cannot_have_us_send_to_whomever_it_names():
    """aioquic would send a challenge to a server's preferred address, and move there (RFC 9000 §21.5.3)."""
    duel = Duel().shake_hands()
    duel.client._remote_preferred_address = QuicPreferredAddress(
        ipv4_address=("198.51.100.7", 22), ipv6_address=None, connection_id=bytes(8), stateless_reset_token=bytes(16)
    )
    for _ in range(3):
        duel.client.send_ping(1)
        sent = duel.client.datagrams_to_send(duel.now)
        assert {address for _, address in sent} == {duel.SERVER}
        duel.exchange()
    assert len(duel.client._network_paths) == 1
