"""What an idle connection no longer holds, and that it lives on without it."""

import asyncio

from aioquic.quic import connection
from aioquic.quic.packet import QuicProtocolVersion
from aioquic.tls import Epoch, SignatureAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from node.quic.engine.engine import VERSIONS
from node.quic.engine.lean import CONNECTION_IDS
from node.quic.tls.credentials import CertificateType, Credential
from node.quic.tls.keys import NodeKey
from tests.support.attacker import Duel
from tests.support.certificates import certificate
from tests.support.quic import dial_as, echo, engine_of, read_all, serving, settled, soon
from tests.support.simulated import CLIENT, SERVER, Simulation


async def test_after_the_handshake_no_secret_of_it_and_no_buffer_is_left():
    async with serving() as server:
        client, accepted = await server.pair(key=NodeKey.generate())
        await settled(lambda: engine_of(client)._handshake_confirmed)
        for engine in (engine_of(client), engine_of(accepted)):
            kept = engine.handshake
            assert (kept.key_schedule, kept._enc_key, kept._dec_key, kept._x25519_private_key) == (None,) * 4
            assert (kept._ec_private_keys, kept.received_extensions, kept.handshake_extensions) == ([], None, [])
            assert sum(buffer.capacity for buffer in engine._crypto_buffers.values()) == 0
            assert len(engine._host_cids) == CONNECTION_IDS


async def test_the_peer_s_certificate_is_let_go_once_it_has_a_name():
    private = ec.generate_private_key(ec.SECP256R1())
    scheme = SignatureAlgorithm.ECDSA_SECP256R1_SHA256
    async with serving() as server:
        await dial_as(server, Credential(CertificateType.X509, certificate(private), scheme, private))
        accepted = await server.accepted()
        assert engine_of(accepted.connection).handshake._peer_certificate is None
        assert engine_of(accepted.connection).handshake.peer_key.fingerprint == accepted.fingerprint


async def test_one_connection_after_another_moves_and_talks():
    """With three spare ids, more moves than that still find a fresh one each."""
    async with serving() as server:
        client, accepted = await server.pair()
        serving_echo = asyncio.create_task(echo(accepted))
        for number in range(3 * CONNECTION_IDS):
            engine_of(client).change_connection_id()
            stream = await client.open_bi()
            await stream.write(b"%d" % number)
            stream.finish()
            assert await soon(read_all(stream)) == b"%d" % number
        client.close()
        await soon(serving_echo)


def test_keys_are_made_for_the_version_that_is_met_and_no_other():
    duel = Duel()
    duel.strike(duel.hello)
    engine = duel.server
    assert list(engine._cryptos_initial) == [engine._version] == [QuicProtocolVersion.VERSION_1]
    assert engine._configuration.supported_versions == VERSIONS
    other = engine._cryptos_initial[QuicProtocolVersion.VERSION_2]
    assert other is engine._cryptos_initial[QuicProtocolVersion.VERSION_2]


def test_the_engine_answers_in_which_epochs_a_frame_may_come_with_one_set():
    assert connection.EPOCHS("IH01") is connection.EPOCHS("IH01")
    assert {epoch.name for epoch in connection.EPOCHS("I1")} == {"INITIAL", "ONE_RTT"}


def test_late_packets_of_the_handshake_change_nothing():
    """Repeated by the network, or by an attacker who has seen them: their keys are gone."""
    seen = []
    run = Simulation(watch=seen.append)
    run.transfer(run.client, 1000)
    run.transfer(run.server, 1000)
    assert run.client.engine._is_lean
    assert run.server.engine._is_lean
    long_headers = [data for data in seen if data[0] & 0x80]
    assert len(long_headers) >= 3
    for data in long_headers:
        run.server.engine.receive_datagram(data, CLIENT, run.now)
        run.client.engine.receive_datagram(data, SERVER, run.now)
    run.run_for(1.0)
    assert run.transfer(run.client, 100_000) < 1.0
    assert run.client.engine.ending is None
    assert run.server.engine.ending is None


def test_handshake_data_on_an_established_connection_is_still_looked_at():
    run = Simulation()
    run.transfer(run.client, 10)
    run.client.engine._crypto_streams[Epoch.ONE_RTT].sender.write(b"\x01\x00\x00\x00")
    run.run_until(lambda: run.server.engine.ending is not None)
    assert run.server.engine.ending.code == 0x10A
