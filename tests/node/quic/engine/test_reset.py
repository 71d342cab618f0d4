"""A node that lost its state says so at once (RFC 9000 §10.3)."""

import os
import socket

from hypothesis import given
from hypothesis import strategies as st

from node.quic.engine.reset import MIN_RESET, TOKEN_LENGTH, ResetTokens, ResetWatch
from node.quic.server import porter
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey
from tests.support.quic import ALPN, Server, engine_of, serving, settled, socket_of, soon

HERE = ("127.0.0.1", 4433)
TOKENS = ResetTokens(NodeKey.generate(), HERE)


@given(st.binary(min_size=8, max_size=8), st.integers(0, 1500))
def test_a_reset_is_shorter_than_what_it_answers_and_looks_like_a_short_packet(connection_id, length):
    answer = TOKENS.answer(connection_id, length)
    assert (answer is None) == (length <= MIN_RESET)
    if answer is not None:
        assert MIN_RESET <= len(answer) < length
        assert answer[0] & 0xC0 == 0x40
        watch = ResetWatch()
        watch.add(TOKENS.token(connection_id[::-1] + b"?"), "another")
        assert watch.find(answer) is None
        watch.add(TOKENS.token(connection_id), "ours")
        assert watch.find(answer) == "ours"


def test_resets_have_no_one_length_and_no_byte_but_the_token_in_common():
    answers = [TOKENS.answer(b"12345678", 1200) for _ in range(200)]
    assert len({len(answer) for answer in answers}) > 10
    assert len({answer[:-TOKEN_LENGTH] for answer in answers}) == len(answers)
    assert {answer[-TOKEN_LENGTH:] for answer in answers} == {TOKENS.token(b"12345678")}


def test_two_nodes_that_answer_each_other_s_resets_soon_fall_silent():
    """Each reset is shorter than what it answers, until it would be no reset any more (RFC 9000 §10.3.3)."""
    nodes = [TOKENS, ResetTokens(NodeKey.generate(), HERE)]
    datagram, rounds = bytes([0x40]) + os.urandom(1400), 0
    while datagram is not None:
        datagram = nodes[rounds % 2].answer(datagram[1:9], len(datagram))
        rounds += 1
    assert rounds < 60


def test_tokens_follow_from_key_and_address_and_from_nothing_else():
    key = NodeKey.generate()
    token = ResetTokens(key, HERE).token(b"12345678")
    assert len(token) == TOKEN_LENGTH
    assert ResetTokens(key, HERE).token(b"12345678") == token
    assert ResetTokens(NodeKey.generate(), HERE).token(b"12345678") != token
    assert ResetTokens(key, ("127.0.0.1", 4434)).token(b"12345678") != token
    assert ResetTokens(key, ("::1", 4433)).token(b"12345678") != token


def test_a_watched_token_is_let_go_by_its_holder_only():
    watch, token = ResetWatch(), os.urandom(TOKEN_LENGTH)
    watch.add(token, "first")
    watch.discard(token, "second")
    assert watch.find(bytes(5) + token) == "first"
    assert watch.find(bytes(4) + token) is None
    watch.discard(token, "first")
    assert watch.find(bytes(5) + token) is None
    assert len(watch) == 0


async def exchanged(server):
    """A client whose first exchange is done, so that it uses whatever the server issued."""
    client, accepted = await server.pair()
    stream = await client.open_bi()
    await stream.write(b"?")
    far = await soon(accepted.accept_bi())
    await far.write(b"!")
    assert await soon(stream.read()) == b"!"
    return client, stream


def vanish(server):
    """End the listener as a crash would: nobody is told."""
    for link in server.links:
        link.drop()
    server.listener._udp.close()


async def test_a_client_notices_at_once_that_its_node_was_restarted():
    async with serving(idle_timeout=600) as server:
        client, stream = await exchanged(server)
        vanish(server)
        again = await QuicListener.bind(server.host, server.port, key=server.key, alpns=[ALPN])
        after = Server(again, server.key)
        await stream.write(b"still there?")
        closed = await soon(client.wait_closed())
        assert (closed.code, closed.reason) == (1, "stateless reset")
        assert again.metrics.resets >= 1
        await after.pair()
        after.clients[-1].close()
        await again.close()


async def test_every_connection_id_of_a_server_has_the_token_of_its_key():
    async with serving() as server:
        client, _ = await exchanged(server)
        tokens = ResetTokens(server.key, server.listener.address)
        engine = engine_of(client)
        await settled(lambda: len(engine._peer_cid_available) >= 3)
        for issued in (engine._peer_cid, *engine._peer_cid_available):
            assert issued.stateless_reset_token == tokens.token(issued.cid)


async def test_a_reset_with_another_token_is_ignored():
    async with serving() as server:
        client, stream = await exchanged(server)
        forged = TOKENS.answer(engine_of(client)._peer_cid.cid, 100)
        server.listener._udp.send(forged, socket_of(client).address)
        await stream.write(b"still there?")
        far = engine_of(client)
        await settled(lambda: not far.unacked(stream.stream_id))
        assert not far.ended


async def test_a_flood_of_unknown_packets_gets_few_resets(monkeypatch):
    monkeypatch.setattr(porter, "RESETS_PER_SECOND", 2)
    async with serving() as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as junk:
            for _ in range(60):
                junk.sendto(b"\x40" + os.urandom(60), (server.host, server.port))
            # Datagrams of one sender arrive in order, so a client that comes after them has been preceded by all.
            await server.pair()
        assert 2 <= server.listener.metrics.resets < 60
        assert len(server.links) == 1
