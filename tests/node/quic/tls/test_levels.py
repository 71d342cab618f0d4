"""Handshake messages count only at their own encryption level (RFC 9001 §4.1.3)."""

import pytest
from aioquic import tls

from node.core.errors import HandshakeError
from node.quic.engine.engine import Engine
from node.quic.tls.keys import NodeKey
from tests.support.quic import serving, settled, soon

UNEXPECTED_MESSAGE = 0x10A
INITIAL, HANDSHAKE, LATER = tls.Epoch.INITIAL, tls.Epoch.HANDSHAKE, tls.Epoch.ONE_RTT


@pytest.fixture
def moved(monkeypatch):
    """Make one role write the first bytes of what belongs to one level at another level."""

    def arrange(*, is_client, level, to, count=None):
        original = Engine._push_crypto_data

        def push(self):
            buffer = self._crypto_buffers[level]
            data = buffer.data if self._is_client is is_client else b""
            if data:
                buffer.seek(0)
            original(self)
            cut = len(data) if count is None else count
            self._crypto_streams[to].sender.write(data[:cut])
            self._crypto_streams[level].sender.write(data[cut:])

        monkeypatch.setattr(Engine, "_push_crypto_data", push)

    return arrange


@pytest.mark.parametrize("count", [None, 1, 4, 40])
async def test_a_client_s_proof_in_initial_packets_is_refused(moved, count):
    """Anyone on the path can write those. The stock engine takes it."""
    async with serving() as server:
        moved(is_client=True, level=HANDSHAKE, to=INITIAL, count=count)
        client = await server.dial(key=NodeKey.generate())
        assert (await soon(client.wait_closed())).code == UNEXPECTED_MESSAGE
        assert server.waiting == 0


@pytest.mark.parametrize("count", [None, 1, 4, 40])
async def test_a_server_s_answer_in_initial_packets_is_refused(moved, count):
    async with serving() as server:
        moved(is_client=False, level=HANDSHAKE, to=INITIAL, count=count)
        with pytest.raises(HandshakeError) as caught:
            await server.dial(timeout=5)
        assert caught.value.code == UNEXPECTED_MESSAGE
        await settled(lambda: all(link.engine.ended for link in server.links))


async def test_messages_after_the_handshake_are_refused_by_a_server():
    async with serving() as server:
        client, accepted = await server.pair()
        engine = client._source.engine
        engine._crypto_streams[LATER].sender.write(b"\x18\x00\x00\x01\x00")
        client._source.flush_soon()
        assert (await soon(accepted.wait_closed())).code == UNEXPECTED_MESSAGE
