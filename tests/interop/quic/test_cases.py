"""The cases of the QUIC interop runner that apply to us, between our server and each make of client."""

import asyncio

import pytest
from aioquic.quic.packet import QuicPacketType
from aioquic.tls import CipherSuite, Epoch

from tests.support.callers import Wishes
from tests.support.lossy import lossy
from tests.support.quic import soon
from tests.support.site import site
from tests.support.wire import Capture

V1, V2, V2_DRAFT = 1, 0x6B3343CF, 0x709A50C4
MIB = 1024 * 1024


async def test_handshake(make):
    async with site() as server, lossy(server.address) as proxy:
        seen = Capture(proxy)
        await soon(make(server).fetch(100, via=proxy.address))
        assert server.engine._version == V1
        assert server.engine._handshake_confirmed
        assert seen.count(QuicPacketType.RETRY, to_server=False) == 0
        assert seen.tokens() == set()


async def test_transfer(make):
    async with site() as server:
        client = make(server)
        await soon(client.fetch(MIB, 2 * MIB))
        await soon(client.deliver(2 * MIB))


async def test_retry(make):
    async with site(retry_above=0) as server, lossy(server.address) as proxy:
        seen = Capture(proxy)
        await soon(make(server).fetch(100_000, via=proxy.address))
        given = [header.token for header in seen.headers[False] if header.packet_type is QuicPacketType.RETRY]
        # A hello that takes two datagrams is sent back twice; the client heeds the first.
        assert len(given) == server.listener.metrics.retried in (1, 2)
        assert seen.tokens() == {given[0]}


async def test_chacha20(make):
    async with site() as server:
        fetching = asyncio.create_task(make(server).fetch(MIB, wishes=Wishes(chacha20=True)))
        keys = (await server.confirmed())._cryptos[Epoch.ONE_RTT]
        assert keys.send.cipher_suite is keys.recv.cipher_suite is CipherSuite.CHACHA20_POLY1305_SHA256
        await soon(fetching)


async def test_key_update_begun_by_the_client(make):
    async with site() as server:
        await soon(make(server).fetch(MIB, wishes=Wishes(update_keys=True)))
        assert server.engine._cryptos[Epoch.ONE_RTT].key_phase == 1


async def test_key_update_begun_by_the_server(make):
    async with site() as server:
        fetching = asyncio.create_task(make(server).fetch(MIB))
        engine = await server.confirmed()
        engine.request_key_update()
        first_under_new_keys = engine._packet_number
        await soon(fetching)
        assert engine._cryptos[Epoch.ONE_RTT].key_phase == 1
        # Only a peer that has taken up the new keys can acknowledge packets under them.
        assert engine._spaces[Epoch.ONE_RTT].largest_acked_packet > first_under_new_keys


async def test_multiconnect(make):
    async with site(retry_above=2) as server:
        client = make(server)
        for _ in range(3):
            await soon(asyncio.gather(*(client.fetch(1000) for _ in range(8))))
        assert len(server.connections) == 24
        assert server.listener.metrics.retried > 0


@pytest.mark.makes("ours", "qh3")
@pytest.mark.parametrize("first", [None, V1], ids=["from-the-start", "upgraded"])
async def test_v2(make, first):
    async with site() as server, lossy(server.address) as proxy:
        seen = Capture(proxy)
        await soon(make(server).fetch(MIB, via=proxy.address, wishes=Wishes(versions=(V2, V1), first_version=first)))
        assert server.engine._version == V2
        assert seen.headers[True][0].version == (first or V2)
        assert seen.headers[False][-1].version == V2


async def test_version_negotiation(make):
    """The client begins with a version that we lack: a draft of version 2."""
    async with site() as server, lossy(server.address) as proxy:
        seen = Capture(proxy)
        await soon(make(server).fetch(1000, via=proxy.address, wishes=Wishes(versions=(V2_DRAFT, V1))))
        assert seen.headers[True][0].version == V2_DRAFT
        assert seen.headers[False][0].packet_type is QuicPacketType.VERSION_NEGOTIATION
        assert server.engine._version == V1


async def test_multiplexing(make):
    async with site(max_streams=100) as server:
        await soon(make(server).fetch(*range(32, 432)))
        assert len(server.site.requests) == 400


async def test_ipv6(make):
    async with site("::1") as server:
        await soon(make(server).fetch(MIB))
        assert server.connections[0].remote_addr[0] == "::1"
