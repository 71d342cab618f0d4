"""A node that lost its state says so at once (RFC 9000 §10.3)."""

import os
import socket

from hypothesis import given
from hypothesis import strategies as st

from node.quic import listener as listener_module
from node.quic.keys import NodeKey
from node.quic.listener import QuicListener
from node.quic.reset import MIN_RESET, TOKEN_LENGTH, ResetTokens, is_reset
from tests.support.quic import ALPN, Server, engine_of, serving, settled, soon

TOKENS = ResetTokens(NodeKey.generate())


@given(st.binary(min_size=8, max_size=8), st.integers(0, 1500))
def test_a_reset_is_shorter_than_what_it_answers_and_looks_like_a_short_packet(connection_id, length):
    answer = TOKENS.answer(connection_id, length)
    assert (answer is None) == (length <= MIN_RESET)
    if answer is not None:
        assert MIN_RESET <= len(answer) < length
        assert answer[0] & 0xC0 == 0x40
        assert is_reset(answer, TOKENS.token(connection_id))
        assert not is_reset(answer, TOKENS.token(connection_id[::-1] + b"?"))


def test_tokens_follow_from_the_key_and_from_nothing_else():
    key = NodeKey.generate()
    assert ResetTokens(key).token(b"12345678") == ResetTokens(key).token(b"12345678")
    assert ResetTokens(key).token(b"12345678") != ResetTokens(NodeKey.generate()).token(b"12345678")
    assert len(ResetTokens(key).token(b"12345678")) == TOKEN_LENGTH


def test_without_a_token_nothing_is_a_reset():
    assert not is_reset(bytes(50), b"")
    assert not is_reset(bytes(MIN_RESET - 1), bytes(TOKEN_LENGTH))


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
        tokens = ResetTokens(server.key)
        engine = engine_of(client)
        await settled(lambda: len(engine._peer_cid_available) >= 3)
        for issued in (engine._peer_cid, *engine._peer_cid_available):
            assert issued.stateless_reset_token == tokens.token(issued.cid)


async def test_a_reset_with_another_token_is_ignored():
    async with serving() as server:
        client, stream = await exchanged(server)
        call = client._source._host._owner
        forged = TOKENS.answer(engine_of(client)._peer_cid.cid, 100)
        server.listener._udp.send(forged, call._udp._socket.getsockname())
        await stream.write(b"still there?")
        far = engine_of(client)
        await settled(lambda: not far.unacked(stream.stream_id))
        assert not far.ended


async def test_a_flood_of_unknown_packets_gets_few_resets(monkeypatch):
    monkeypatch.setattr(listener_module, "RESETS_PER_SECOND", 2)
    async with serving() as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as junk:
            for _ in range(60):
                junk.sendto(b"\x40" + os.urandom(60), (server.host, server.port))
            # Datagrams of one sender arrive in order, so a client that comes after them has been preceded by all.
            await server.pair()
        assert 2 <= server.listener.metrics.resets < 60
        assert len(server.links) == 1
