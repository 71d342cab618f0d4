"""Our dialler at a server of other people: ngtcp2's gtlsserver, on GnuTLS (Debian package ngtcp2-server)."""

import asyncio
import contextlib

import pytest
from aioquic.quic.packet import QuicPacketType
from aioquic.tls import CipherSuite, Epoch

from node.core.errors import ConnectionClosed, HandshakeError, PinMismatch
from node.quic.client.dial import dial_quic
from node.quic.tls.keys import NodeKey
from tests.support.foreign import deliver, fetch
from tests.support.lossy import ETHERNET, Fate, bad_weather, lossy, now_and_then
from tests.support.programs import CHACHA20_ONLY
from tests.support.quic import LONG, engine_of, soon
from tests.support.wire import Capture

pytestmark = pytest.mark.interop

MIB = 1024 * 1024


@contextlib.asynccontextmanager
async def dialled(server, via=None, **changes):
    host, port = via or server.address
    arguments = {"alpn": b"h3", "key": None, "pin": server.pin, "timeout": LONG, **changes}
    connection = await dial_quic(host, port, **arguments)
    try:
        yield connection
    finally:
        connection.close()


async def test_transfer(foreign):
    # What it would print of so much takes it longer than the transfer.
    async with foreign("--quiet") as server, dialled(server) as connection:
        await fetch(connection, server, 2 * MIB)
    async with foreign() as server, dialled(server) as connection:
        await deliver(connection, server, MIB // 4)


async def test_multiplexing(foreign):
    async with foreign() as server, dialled(server) as connection:
        await asyncio.gather(*(fetch(connection, server, size) for size in range(1000, 1090)))


async def test_retry(foreign):
    async with foreign("--validate-addr") as server, lossy(server.address) as proxy:
        seen = Capture(proxy)
        async with dialled(server, proxy.address) as connection:
            await fetch(connection, server, 1000)
        assert seen.count(QuicPacketType.RETRY, to_server=False) == 1
        assert len(seen.tokens()) == 1


async def test_chacha20(foreign):
    async with foreign(CHACHA20_ONLY) as server, dialled(server) as connection:
        assert engine_of(connection)._cryptos[Epoch.ONE_RTT].send.cipher_suite is CipherSuite.CHACHA20_POLY1305_SHA256
        await fetch(connection, server, MIB)


async def test_a_key_update(foreign):
    async with foreign() as server, dialled(server) as connection:
        await fetch(connection, server, 1000)
        engine = engine_of(connection)
        engine.request_key_update()
        first_under_new_keys = engine._packet_number
        await fetch(connection, server, MIB)
        assert engine._cryptos[Epoch.ONE_RTT].key_phase == 1
        assert engine._spaces[Epoch.ONE_RTT].largest_acked_packet > first_under_new_keys


@pytest.mark.parametrize(
    "judge",
    [now_and_then(Fate.DROP, 0.05, 1), now_and_then(Fate.CORRUPT, 0.05, 2), bad_weather(3)],
    ids=["loss", "corruption", "all-of-it"],
)
async def test_bad_weather(foreign, judge):
    async with foreign() as server, lossy(server.address, largest=ETHERNET) as proxy:
        proxy.judge = judge
        async with dialled(server, proxy.address) as connection:
            await fetch(connection, server, MIB // 16)
            await deliver(connection, server, MIB // 16)
        assert proxy.lost + proxy.damaged > 5


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"], ids=["rebind-port", "rebind-addr"])
async def test_rebinding(foreign, host):
    async with foreign() as server, lossy(server.address) as proxy, dialled(server, proxy.address) as connection:
        await fetch(connection, server, MIB // 4)
        await proxy.rebind(host)
        await fetch(connection, server, MIB)


async def test_another_certificate_than_the_pinned_one_is_refused(foreign):
    async with foreign() as server:
        with pytest.raises(PinMismatch):
            async with dialled(server, pin="SHA256:" + "0" * 64):
                pass


async def test_a_server_that_does_not_speak_the_protocol_is_told_apart(foreign):
    async with foreign() as server:
        with pytest.raises(HandshakeError, match="no_application_protocol"):
            async with dialled(server, alpn=b"alknet/call"):
                pass


async def test_a_server_that_demands_a_certificate_refuses_our_raw_key_with_a_code(foreign):
    """It knows no raw keys, so our dialler has nothing to show that it can read."""
    async with foreign("--verify-client") as server, dialled(server, key=NodeKey.generate()) as connection:
        closed = await soon(connection.wait_closed())
        assert isinstance(closed, ConnectionClosed)
        assert closed.code == 0x174
