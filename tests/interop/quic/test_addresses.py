"""The runner's cases of addresses: none is trusted before it is proven, and a client may change its own."""

import asyncio

import pytest
from aioquic.quic.packet import QuicPacketType

from node.quic.tls.handshake import ServerTls
from tests.support import http3
from tests.support.callers import Wishes
from tests.support.lossy import Fate, lossy
from tests.support.quic import settled, soon
from tests.support.site import site
from tests.support.wire import Capture

MIB = 1024 * 1024
CERTIFICATE = Wishes(certificate=True)


@pytest.fixture
def long_chain(monkeypatch):
    """Have the server show a chain of certificates that is too long for what an unproven address may be sent."""
    adopt = ServerTls.adopt

    def adopt_with_chain(handshake, credential):
        adopt(handshake, credential)
        handshake.certificate_chain = [credential.leaf] * 40

    monkeypatch.setattr(ServerTls, "adopt", adopt_with_chain)


class Ledger(Capture):
    """What the server sent and was sent up to the moment at which the client has proven its address.

    The way is long enough for all that the server sends at once to be seen before the client's answer to it.
    """

    def __init__(self, proxy):
        super().__init__(proxy)
        proxy.delay = 0.03
        self.worst = 0.0
        self.proven = False

    def _watch(self, to_server, data):
        super()._watch(to_server, data)
        if not to_server and not self.proven:
            self.worst = max(self.worst, self.bytes_sent[False] / self.bytes_delivered[True])

    def _delivered(self, to_server, data):
        super()._delivered(to_server, data)
        # Only a client that has heard from the server has keys for this kind of packet.
        handshakes = (h for h in self.headers[True] if h.packet_type is QuicPacketType.HANDSHAKE)
        if to_server and any(handshakes):
            self.proven = True


async def test_amplificationlimit(make, long_chain):
    """Three times what came in is not enough for the server's flight: it must wait for the client."""
    async with site() as server, lossy(server.address) as proxy:
        ledger = Ledger(proxy)
        await soon(make(server).fetch(1000, via=proxy.address, wishes=CERTIFICATE))
        assert ledger.proven
        assert 2 < ledger.worst <= 3


@pytest.mark.makes("ours", "gtlsclient")
async def test_amplificationlimit_with_the_client_s_second_flight_lost(make, long_chain):
    # qh3 2.1.0 falls silent here, and the two wait for each other: it sends no probes as RFC 9002 §6.2.2.1 demands.
    async with site() as server, lossy(server.address) as proxy:
        ledger = Ledger(proxy)
        lost = iter([Fate.DROP] * 2)
        proxy.judge = lambda to_server: (
            next(lost, Fate.DELIVER) if to_server and ledger.bytes_sent[False] else Fate.DELIVER
        )
        await soon(make(server).fetch(1000, via=proxy.address, wishes=CERTIFICATE))
        assert proxy.lost == 2
        assert ledger.proven
        assert 2 < ledger.worst <= 3


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"], ids=["rebind-port", "rebind-addr"])
async def test_rebinding(make, host):
    """A NAT on the way forgets the client, which goes on under another address and never knows.

    The way is long, so that what is left to send takes more round trips than the proof of an address.
    """
    async with site() as server, lossy(server.address) as proxy:
        proxy.delay = 0.01
        delivering = asyncio.create_task(make(server).deliver(4 * MIB, via=proxy.address))
        engine = await server.confirmed()
        await settled(lambda: engine._local_max_data.used > 256 * 1024)
        new = await proxy.rebind(host)
        await soon(delivering)
        assert server.connections[0].remote_addr == new
        assert engine._network_paths[0].is_validated


async def test_rebinding_again_and_again(make):
    async with site() as server, lossy(server.address) as proxy:
        proxy.delay = 0.01
        delivering = asyncio.create_task(make(server).deliver(4 * MIB, via=proxy.address))
        engine = await server.confirmed()
        for arrived in (MIB // 8, MIB // 4, MIB // 2):
            await settled(lambda arrived=arrived: engine._local_max_data.used > arrived)
            new = await proxy.rebind()
        await soon(delivering)
        assert server.connections[0].remote_addr == new
        assert engine._network_paths[0].is_validated


@pytest.mark.makes("gtlsclient")
@pytest.mark.parametrize("options", [(), ("--nat-rebinding",)], ids=["connectionmigration", "told-nothing"])
async def test_a_client_that_moves(make, tmp_path, options):
    body = tmp_path / "body"
    body.write_bytes(http3.content(4 * MIB))
    async with site() as server:
        moving = ("--change-local-addr=10ms", *options, f"--data={body}", "--http-method=POST")
        running = asyncio.create_task(make(server).run(["https://localhost/"], *moving))
        engine = await server.confirmed()
        before = server.connections[0].remote_addr
        await soon(running)
        assert server.connections[0].remote_addr != before
        assert engine._network_paths[0].is_validated
        assert http3.digest(server.site.requests[0].body) == http3.digest(http3.content(4 * MIB))
