"""What an idle connection no longer holds, and that it lives on without it."""

import asyncio

from aioquic.tls import SignatureAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from node.quic.credentials import CertificateType, Credential
from node.quic.keys import NodeKey
from node.quic.lean import _HANDLERS as HANDLERS
from node.quic.lean import CONNECTION_IDS
from tests.support.certificates import certificate
from tests.support.quic import dial_as, echo, engine_of, read_all, serving, settled, soon


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


async def test_connections_share_what_never_differs():
    async with serving() as server:
        pairs = [await server.pair() for _ in range(2)]
        first, second = (getattr(engine_of(accepted), HANDLERS) for _, accepted in pairs)
        assert all(first[kind][1] is second[kind][1] for kind in first)
        assert first[2][0] is not second[2][0]
