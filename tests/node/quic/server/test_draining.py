"""A listener that takes no more (spec core §10): who comes is told at once, who is in stays."""

import asyncio
import contextlib

import pytest

from node.core.errors import HandshakeError
from node.quic.metrics import Refusal
from node.quic.server.gate import REFUSALS_PER_SECOND
from tests.node.quic.server.test_gate import BURST, MANY, Forger, flood, sender
from tests.support.quic import read_all, serving, settled, soon

CONNECTION_REFUSED = 0x2


async def test_a_handshake_under_way_is_told_at_once():
    async with serving() as server:
        with sender(server) as sock:
            sock.send(Forger(server.key.fingerprint).initial())
            await settled(lambda: server.links)
            [link] = server.links
            await settled(lambda: not link.engine.ended and _received(sock))
            server.listener.stop_accepting()
            assert link.engine.ended
            assert sock.recv(2000)
            await settled(lambda: not server.links)
        assert server.listener.metrics.refused == {Refusal.CLOSING: 1}


def _received(sock):
    """Whether anything had come; nothing of it is left."""
    count = 0
    with contextlib.suppress(BlockingIOError):
        while sock.recv(2000):
            count += 1
    return count


async def test_a_flood_while_draining_costs_no_state_and_leaves_the_living_alone():
    async with serving(strangers_per_second=MANY) as server:
        client, accepted = await server.pair()
        server.listener.stop_accepting()
        metrics = server.listener.metrics
        with sender(server) as sock:
            await flood(server, sock, Forger(server.key.fingerprint), 20 * BURST)
        assert metrics.refused == {Refusal.CLOSING: 20 * BURST}
        assert metrics.unanswered >= 20 * BURST - 3 * REFUSALS_PER_SECOND
        assert len(server.links) == 1
        stream = await client.open_bi()
        await stream.write(b"still here")
        stream.finish()
        assert await soon(read_all(await soon(accepted.accept_bi()))) == b"still here"


async def test_a_client_that_comes_while_draining_is_refused_and_not_left_waiting():
    async with serving() as server:
        server.listener.stop_accepting()
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(HandshakeError) as caught:
            await server.dial()
        assert caught.value.code == CONNECTION_REFUSED
        assert loop.time() - began < 10
