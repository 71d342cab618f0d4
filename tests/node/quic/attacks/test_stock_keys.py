"""What stock aioquic gets wrong with keys and handshakes, and our engine right: one and the same thing done to both."""

import asyncio
import time

import pytest
from aioquic.asyncio.client import connect
from aioquic.quic.connection import QuicConnection
from aioquic.tls import SignatureAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from node.core.errors import HandshakeError
from node.quic.tls.credentials import CertificateType, Credential
from node.quic.tls.keys import NodeKey
from tests.support.certificates import certificate
from tests.support.quic import dial_as, engine_of, serving, settled, soon
from tests.support.stock import both
from tests.support.two_engines import AskingConnection, stock_configuration, stock_listener

# Stock's writers write an end of their own when they are collected, which fails on a stream that was reset.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def lying_client(chain=()):
    configuration = stock_configuration(is_client=True)
    configuration.certificate_chain = list(chain)
    return configuration


@both
async def test_a_chain_of_forty_certificates_is_refused(side):
    private = ec.generate_private_key(ec.SECP256R1())
    leaf = certificate(private)
    if side == "stock":
        accepted = asyncio.Queue()
        async with (
            stock_listener(accepted, AskingConnection) as (_, port),
            connect("127.0.0.1", port, configuration=lying_client([leaf] * 40)),
        ):
            engine = (await soon(accepted.get()))._quic
            await settled(lambda: engine._handshake_complete)
            assert len(engine.tls._peer_certificate_chain) == 40
    else:
        credential = Credential(CertificateType.X509, leaf, SignatureAlgorithm.ECDSA_SECP256R1_SHA256, private)
        async with serving() as server:
            client = await dial_as(server, credential, *[leaf] * 40)
            assert (await soon(client.wait_closed())).code == 0x12A
            assert server.waiting == 0


@both
async def test_a_client_s_key_is_asked_for_in_time(side):
    """Stock's flag can be set once the first datagram is in; by then the server has taken everyone for anonymous."""
    if side == "stock":

        class LateConnection(QuicConnection):
            def receive_datagram(self, data, addr, now):
                super().receive_datagram(data, addr, now)
                if hasattr(self, "tls"):
                    self.tls._request_client_certificate = True

        accepted = asyncio.Queue()
        async with (
            stock_listener(accepted, LateConnection) as (_, port),
            connect("127.0.0.1", port, configuration=lying_client()),
        ):
            engine = (await soon(accepted.get()))._quic
            await settled(lambda: engine._handshake_complete)
            assert engine.tls._peer_certificate is None
    else:
        key = NodeKey.generate()
        async with serving() as server:
            await server.dial(key=key)
            assert (await server.accepted()).fingerprint == key.fingerprint


@both
async def test_a_client_that_comes_back_shows_its_key_again(side):
    """Stock resumes the session, asks for a certificate nonetheless, and breaks off since none comes."""
    if side == "stock":
        tickets, configuration = {}, lying_client()
        options = {
            "session_ticket_fetcher": tickets.pop,
            "session_ticket_handler": lambda ticket: tickets.update({ticket.ticket: ticket}),
        }
        async with stock_listener(None, AskingConnection, **options) as (_, port):
            kept = []
            async with connect(
                "127.0.0.1", port, configuration=configuration, session_ticket_handler=kept.append
            ) as client:
                await client.ping()
            configuration.session_ticket = kept[0]
            async with connect("127.0.0.1", port, configuration=configuration) as client:
                await soon(client.wait_closed())
                assert client._quic._close_event.error_code == 0x10A
    else:
        key = NodeKey.generate()
        async with serving() as server:
            for _ in range(2):
                client = await server.dial(key=key)
                assert (await server.accepted()).fingerprint == key.fingerprint
                assert not engine_of(client).tls.session_resumed


@both
async def test_a_refused_client_learns_of_it_at_once_and_why(side):
    before = time.monotonic()
    if side == "stock":
        configuration = stock_configuration(is_client=True)
        configuration.alpn_protocols = ["alknet/unheard-of"]
        async with stock_listener() as (_, port):
            with pytest.raises(ConnectionError) as caught:
                async with connect("127.0.0.1", port, configuration=configuration):
                    pass
            assert str(caught.value) == ""
            assert time.monotonic() - before > 0.4
    else:
        async with serving() as server:
            with pytest.raises(HandshakeError) as caught:
                await server.dial(alpn=b"alknet/unheard-of")
            assert caught.value.code == 0x178
