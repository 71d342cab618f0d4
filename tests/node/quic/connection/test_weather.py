"""Streams over a network that loses, repeats and reorders datagrams."""

import asyncio

import pytest
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import QuicFrameType, QuicPacketType
from aioquic.quic.packet_builder import QuicPacketBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from node.quic.connection.packets import parse_initial
from tests.support.attacker import Duel
from tests.support.lossy import Fate, bad_weather, lossy
from tests.support.quic import echo, read_all, serving, soon


async def echoed(streams, seed):
    """What comes back of each stream's chunks through bad weather, and how many datagrams were lost on the way."""
    narrow = serving(stream_window=8192, connection_window=16_384, write_high_water=4096)
    async with narrow as server, lossy((server.host, server.port)) as proxy:
        client, accepted = await server.pair(host=proxy.address[0], port=proxy.address[1])
        proxy.judge = bad_weather(seed)
        echoing = asyncio.create_task(echo(accepted))

        async def send(stream, chunks):
            for chunk in chunks:
                await stream.write(chunk)
            stream.finish()

        async def exchange(chunks):
            stream = await client.open_bi()
            received, _ = await asyncio.gather(read_all(stream), send(stream, chunks))
            return received

        received = await soon(asyncio.gather(*map(exchange, streams)))
        proxy.judge = lambda _: Fate.DELIVER
        client.close()
        await soon(echoing)
        return received, proxy.lost


@pytest.mark.parametrize("seed", range(3))
async def test_many_streams_at_once_arrive_whole(seed):
    streams = [[bytes([number]) * 900] * number for number in range(8)]
    received, lost = await echoed(streams, seed)
    assert received == [b"".join(chunks) for chunks in streams]
    assert lost > 0


@settings(max_examples=10, deadline=None)
@given(st.lists(st.lists(st.binary(max_size=2000), max_size=4), min_size=1, max_size=3), st.integers(0, 1 << 32))
async def test_whatever_is_sent_arrives_however_it_is_cut(streams, seed):
    received, _ = await echoed(streams, seed)
    assert received == [b"".join(chunks) for chunks in streams]


async def test_a_handshake_completes_in_spite_of_loss():
    async with serving() as server, lossy((server.host, server.port)) as proxy:
        first = iter([Fate.DROP, Fate.DELIVER, Fate.DROP])
        proxy.judge = lambda _: next(first, Fate.DELIVER)
        await server.pair(host=proxy.address[0], port=proxy.address[1])
        assert proxy.lost == 2


def test_a_probe_that_comes_before_the_hello_is_answered_and_the_hello_taken():
    """Of a client whose first packet was lost and that asks with a PING whether anyone is there."""
    duel = Duel()
    first = parse_initial(duel.hello)
    crypto = CryptoPair()
    crypto.setup_initial(cid=first.destination, is_client=True, version=first.version)
    builder = QuicPacketBuilder(
        host_cid=first.source,
        peer_cid=first.destination,
        version=first.version,
        is_client=True,
        max_datagram_size=1200,
        packet_number=9,
    )
    builder.start_packet(QuicPacketType.INITIAL, crypto)
    builder.start_frame(QuicFrameType.PING)
    (probe,), _ = builder.flush()
    duel.client._packet_number = 10
    duel.strike(probe)
    assert duel.server.ending is None
    duel.shake_hands()
