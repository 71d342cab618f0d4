"""Refusals are heard at once: in the round trip in which they are made, never after a closing period."""

import asyncio
import contextlib

import pytest
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.tls import SignatureAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from node.core.errors import HandshakeError, PinMismatch
from node.quic.connection.endpoint import Endpoint
from node.quic.connection.link import Link
from node.quic.tls.credentials import CertificateType, Credential
from node.quic.tls.keys import NodeKey
from tests.support.certificates import certificate
from tests.support.quic import dial_as, serving, settled, soon

P256 = ec.generate_private_key(ec.SECP256R1())
SCHEME = SignatureAlgorithm.ECDSA_SECP256R1_SHA256
NO_APPLICATION_PROTOCOL, BAD_CERTIFICATE, DECRYPT_ERROR, CONNECTION_REFUSED = 0x178, 0x12A, 0x133, 0x2


@pytest.fixture
def no_time(monkeypatch):
    """No timer of any connection ever fires: what is reported all the same has waited for none."""
    monkeypatch.setattr(Link, "_arm", lambda link, now, **_: None)


@pytest.fixture
def batches(monkeypatch):
    """How often an endpoint of this test was woken by datagrams, on either side."""
    woken = []
    original = Endpoint._on_batch

    def counted(self, batch):
        woken.append(len(batch))
        original(self, batch)

    monkeypatch.setattr(Endpoint, "_on_batch", counted)
    return woken


@pytest.mark.usefixtures("no_time")
@pytest.mark.parametrize("alpn", [b"alknet/unheard-of", b"h3"])
async def test_an_unknown_alpn_is_told_in_the_first_round_trip(alpn, batches):
    async with serving() as server:
        with pytest.raises(HandshakeError) as caught:
            await server.dial(alpn=alpn)
        assert caught.value.code == NO_APPLICATION_PROTOCOL
        assert len(batches) == 2


@pytest.mark.usefixtures("no_time")
async def test_a_refusal_for_lack_of_places_is_told_in_the_first_round_trip(batches):
    async with serving(max_connections=1) as server:
        await server.pair()
        del batches[:]
        with pytest.raises(HandshakeError) as caught:
            await server.dial()
        assert caught.value.code == CONNECTION_REFUSED
        assert len(batches) <= 4


@pytest.mark.usefixtures("no_time")
@pytest.mark.parametrize(
    ("credential", "chain", "code"),
    [
        (
            Credential(CertificateType.X509, certificate(P256), SCHEME, ec.generate_private_key(ec.SECP256R1())),
            (),
            DECRYPT_ERROR,
        ),
        (Credential(CertificateType.X509, certificate(P256), SCHEME, P256), (certificate(P256),), BAD_CERTIFICATE),
    ],
    ids=["wrong-key", "chain"],
)
async def test_a_refused_key_is_told_in_the_second_round_trip(credential, chain, code, batches):
    """The client holds the handshake for done before it knows; the end follows at once."""
    async with serving() as server:
        client = await dial_as(server, credential, *chain)
        assert (await soon(client.wait_closed())).code == code
        assert len(batches) <= 8


@pytest.mark.usefixtures("no_time")
async def test_our_own_refusal_of_a_server_is_told_to_it_at_once():
    """It would hold the half-open connection for its whole handshake time-out otherwise."""
    async with serving() as server:
        with pytest.raises(PinMismatch):
            await server.dial(pin=NodeKey.generate().fingerprint)
        await settled(lambda: server.links and all(link.engine.ended for link in server.links))
        assert [link.engine.ending.code for link in server.links] == [BAD_CERTIFICATE]


async def test_what_a_failed_handshake_leaves_is_counted_and_soon_gone():
    async with serving() as server:
        with pytest.raises(HandshakeError):
            await server.dial(alpn=b"alknet/unheard-of")
        admission = server.listener._admission
        assert (admission.total, admission.half_open, len(server.links)) == (1, 1, 1)
        async with asyncio.timeout(2):
            await settled(lambda: not server.links)
        assert (admission.total, admission.half_open, server.listener._routes) == (0, 0, {})


class Stock(asyncio.DatagramProtocol):
    """A client on the stock engine, without any timer; `heard` is set once it knows of its end."""

    def __init__(self, alpns, address):
        self.quic = QuicConnection(configuration=QuicConfiguration(is_client=True, alpn_protocols=alpns))
        self.heard = asyncio.Event()
        self.received = 0
        self._address = address

    def connection_made(self, transport):
        self._transport = transport
        self.quic.connect(self._address, now=0.0)
        self._send()

    def datagram_received(self, data, _):
        self.received += 1
        self.quic.receive_datagram(data, self._address, now=0.0)
        self._send()
        if self.quic._close_event is not None:
            self.heard.set()

    def _send(self):
        for data, _ in self.quic.datagrams_to_send(now=0.0):
            self._transport.sendto(data)


@contextlib.asynccontextmanager
async def stock_client(server, alpns):
    address = (server.host, server.port)
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_datagram_endpoint(lambda: Stock(alpns, address), remote_addr=address)
    try:
        yield client
    finally:
        transport.close()


@pytest.mark.usefixtures("no_time")
@pytest.mark.parametrize("alpns", [["other"], None], ids=["unknown", "none"])
async def test_a_foreign_client_without_an_alpn_of_ours_is_told_by_the_first_datagram(alpns):
    async with serving() as server, stock_client(server, alpns) as client:
        await soon(client.heard.wait())
        assert client.quic._close_event.error_code == NO_APPLICATION_PROTOCOL
        assert client.received == 1
