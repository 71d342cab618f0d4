"""Who is who after a handshake, over real sockets (spec core §11, decisions 3, 4, 5)."""

import asyncio
import ssl

import pytest
from aioquic.tls import SignatureAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from node.core.errors import ConnectError, HandshakeError, PinMismatch, TlsConfigError
from node.quic.tls.credentials import CertificateType, Credential, RawPublicKey, ServerCredentials, raw_key
from node.quic.tls.handshake import ServerTls
from node.quic.tls.keys import NodeKey
from node.quic.tls.selfmade import self_made
from tests.support.certificates import certificate, sha256_of
from tests.support.quic import ALPN, dial_as, echo, read_all, serving, soon

DECRYPT_ERROR = 0x133
BAD_CERTIFICATE = 0x12A
NO_APPLICATION_PROTOCOL = 0x178


@pytest.fixture
def shown_to_server(monkeypatch):
    """Every client credential that any server of this test was shown, as DER."""
    shown = []
    original = ServerTls._set_peer_certificate

    def record(self, message):
        shown.extend(der for der, _ in message.certificates)
        original(self, message)

    monkeypatch.setattr(ServerTls, "_set_peer_certificate", record)
    return shown


async def test_raw_keys_name_both_sides_by_their_own_key(shown_to_server):
    mine = NodeKey.generate()
    async with serving() as server:
        client = await server.dial(key=mine)
        accepted = await server.accepted()
        assert (accepted.fingerprint, accepted.alternative) == (mine.fingerprint, None)
        assert accepted.alpn == client.remote_alpn == ALPN
        assert accepted.address[0] == "127.0.0.1"
        assert accepted.connection.remote_addr == accepted.address
        assert client.remote_addr == (server.host, server.port)
        assert shown_to_server == [mine.public_der]


async def test_a_client_without_a_key_is_anonymous():
    async with serving() as server:
        await server.dial(key=None)
        assert (await server.accepted()).fingerprint is None


async def test_a_wrong_pin_is_refused_before_our_key_is_shown(shown_to_server):
    other = NodeKey.generate().fingerprint
    async with serving() as server:
        with pytest.raises(PinMismatch) as caught:
            await server.dial(key=NodeKey.generate(), pin=other)
        assert (caught.value.expected, caught.value.shown) == (other, server.key.fingerprint)
        # A later dial has been accepted, so everything the refused one sent has been read.
        await server.dial()
        assert (await server.accepted()).fingerprint is None
        assert server.waiting == 0
        assert shown_to_server == []


async def test_without_a_pin_the_node_is_not_trusted(shown_to_server):
    async with serving() as server:
        with pytest.raises(HandshakeError) as caught:
            await server.dial(key=NodeKey.generate(), pin=None)
        assert caught.value.code == BAD_CERTIFICATE
        assert shown_to_server == []
        assert server.waiting == 0


async def test_a_raw_key_that_was_not_asked_for_fails_closed(monkeypatch):
    """A server that shows its raw key whatever the client reads: without a pin nothing could vouch for it."""
    monkeypatch.setattr(ServerCredentials, "choose", lambda self, _: self.choices[0])
    async with serving() as server:
        with pytest.raises(HandshakeError) as caught:
            await server.dial(pin=None)
        assert caught.value.code == BAD_CERTIFICATE
        assert server.waiting == 0


async def test_a_certificate_type_that_was_not_offered_is_refused(monkeypatch):
    def answer_raw(self, offer):
        self.adopt(self._credentials.choices[0])
        self._answers.append((20, b"\x02"))

    monkeypatch.setattr(ServerTls, "_settle_own", answer_raw)
    async with serving() as server:
        with pytest.raises(HandshakeError) as caught:
            await server.dial(pin=None)
        assert caught.value.code == 0x12F


async def test_a_pinned_certificate_is_accepted_by_its_exact_hash_only():
    async with serving() as server:
        leaf = self_made(server.key).choices[1].leaf
        await server.dial(pin=sha256_of(leaf))
        await server.accepted()
        with pytest.raises(PinMismatch) as caught:
            await server.dial(pin="SHA256:" + "0" * 64)
        assert caught.value.shown == sha256_of(leaf)


async def test_a_pin_does_not_excuse_a_server_without_the_private_key(monkeypatch):
    victim = NodeKey.generate()
    forged = Credential(
        CertificateType.RAW_PUBLIC_KEY,
        RawPublicKey(victim.private.public_key()),
        SignatureAlgorithm.ED25519,
        Ed25519PrivateKey.generate(),
    )
    monkeypatch.setattr(ServerCredentials, "choose", lambda *_: forged)
    async with serving() as server:
        with pytest.raises(HandshakeError) as caught:
            await server.dial(pin=victim.fingerprint)
        assert not isinstance(caught.value, PinMismatch)
        assert caught.value.code == DECRYPT_ERROR


async def test_a_known_public_key_without_its_private_key_is_refused_in_the_handshake(shown_to_server):
    victim = NodeKey.generate()
    forged = Credential(
        CertificateType.RAW_PUBLIC_KEY,
        RawPublicKey(victim.private.public_key()),
        SignatureAlgorithm.ED25519,
        Ed25519PrivateKey.generate(),
    )
    async with serving() as server:
        client = await dial_as(server, forged)
        closed = await soon(client.wait_closed())
        assert closed.code == DECRYPT_ERROR
        assert shown_to_server == [victim.public_der]
        assert server.waiting == 0


async def test_a_forged_certificate_is_refused_too():
    leaf = certificate(ec.generate_private_key(ec.SECP256R1()))
    forged = Credential(
        CertificateType.X509, leaf, SignatureAlgorithm.ECDSA_SECP256R1_SHA256, ec.generate_private_key(ec.SECP256R1())
    )
    async with serving() as server:
        client = await dial_as(server, forged)
        assert (await soon(client.wait_closed())).code == DECRYPT_ERROR
        assert server.waiting == 0


async def test_a_p256_certificate_is_named_by_its_hash():
    private = ec.generate_private_key(ec.SECP256R1())
    leaf = certificate(private)
    async with serving() as server:
        await dial_as(
            server, Credential(CertificateType.X509, leaf, SignatureAlgorithm.ECDSA_SECP256R1_SHA256, private)
        )
        accepted = await server.accepted()
        assert (accepted.fingerprint, accepted.alternative) == (sha256_of(leaf), None)


async def test_an_ed25519_certificate_also_has_the_name_of_its_key():
    key = NodeKey.generate()
    leaf = certificate(key.private)
    async with serving() as server:
        await dial_as(server, Credential(CertificateType.X509, leaf, SignatureAlgorithm.ED25519, key.private))
        accepted = await server.accepted()
        assert (accepted.fingerprint, accepted.alternative) == (sha256_of(leaf), key.fingerprint)


async def test_a_chain_longer_than_the_leaf_is_refused():
    authority = ec.generate_private_key(ec.SECP256R1())
    root = certificate(authority, name="ca", usable_as_ca=True)
    private = ec.generate_private_key(ec.SECP256R1())
    leaf = certificate(private, ca=(root, authority))
    credential = Credential(CertificateType.X509, leaf, SignatureAlgorithm.ECDSA_SECP256R1_SHA256, private)
    async with serving() as server:
        client = await dial_as(server, credential, root)
        assert (await soon(client.wait_closed())).code == BAD_CERTIFICATE
        assert server.waiting == 0


async def test_two_raw_keys_are_refused():
    key, other = NodeKey.generate(), NodeKey.generate()
    async with serving() as server:
        client = await dial_as(server, raw_key(key), RawPublicKey(other.private.public_key()))
        assert (await soon(client.wait_closed())).code == BAD_CERTIFICATE
        assert server.waiting == 0


async def test_an_unknown_alpn_fails_the_handshake():
    async with serving() as server:
        with pytest.raises(HandshakeError) as caught:
            await server.dial(alpn=b"alknet/unheard-of")
        assert caught.value.code == NO_APPLICATION_PROTOCOL
        assert server.waiting == 0


async def test_each_alpn_reaches_the_accept_callback_by_its_name():
    async with serving() as server:
        await server.dial(alpn=b"alknet/other")
        assert (await server.accepted()).alpn == b"alknet/other"


async def test_without_a_pin_a_certificate_signed_by_a_trusted_ca_is_enough(monkeypatch, tmp_path):
    authority = ec.generate_private_key(ec.SECP256R1())
    root = certificate(authority, name="ca", usable_as_ca=True)
    private = ec.generate_private_key(ec.SECP256R1())
    leaf = certificate(private, name="node.example", ca=(root, authority))
    shown = Credential(CertificateType.X509, leaf, SignatureAlgorithm.ECDSA_SECP256R1_SHA256, private)
    monkeypatch.setattr(ServerCredentials, "choose", lambda *_: shown)
    bundle = tmp_path / "roots.pem"
    bundle.write_bytes(root.public_bytes(Encoding.PEM))
    monkeypatch.setenv(ssl.get_default_verify_paths().openssl_cafile_env, str(bundle))
    async with serving() as server:
        await server.dial(pin=None, server_name="node.example")
        await server.accepted()
        with pytest.raises(HandshakeError) as caught:
            await server.dial(pin=None, server_name="another.example")
        assert caught.value.code == BAD_CERTIFICATE


async def test_the_handshake_works_over_ipv6():
    async with serving("::1") as server:
        client, accepted = await server.pair()
        assert accepted.remote_addr[0] == "::1"
        stream = await client.open_bi()
        await stream.write(b"six")
        stream.finish()
        assert await soon(read_all(await accepted.accept_bi())) == b"six"


async def test_every_address_of_a_name_is_tried():
    """`localhost` may name ::1 first, where nobody listens."""
    async with serving("127.0.0.1") as server:
        await server.dial(host="localhost")
        await server.accepted()


async def test_a_port_where_nothing_listens_is_a_connect_error():
    async with serving() as server:
        host, port = server.host, server.port
    with pytest.raises(ConnectError):
        await server.dial(host=host, port=port)


async def test_a_host_that_does_not_exist_is_a_connect_error():
    async with serving() as server:
        with pytest.raises(ConnectError):
            await server.dial(host="host.invalid")


@pytest.mark.parametrize(
    "changes",
    [{"pin": "ed25519:12"}, {"alpn": b""}, {"alpn": b"x" * 256}, {"alpn": "é".encode()}, {"server_name": "a" * 64}],
)
async def test_unusable_settings_are_refused_before_anything_is_sent(changes):
    async with serving() as server:
        with pytest.raises(TlsConfigError):
            await server.dial(**changes)
        assert server.links == []


async def test_two_hundred_bytes_of_alpn_are_not_too_many():
    async with serving() as server:
        with pytest.raises(HandshakeError) as caught:
            await server.dial(alpn=b"a" * 255)
        assert caught.value.code == NO_APPLICATION_PROTOCOL


async def test_one_listener_serves_clients_with_every_kind_of_key_at_once():
    certificate_key = ec.generate_private_key(ec.SECP256R1())
    leaf = certificate(certificate_key)
    shown = Credential(CertificateType.X509, leaf, SignatureAlgorithm.ECDSA_SECP256R1_SHA256, certificate_key)
    mine = NodeKey.generate()
    async with serving() as server:
        clients = [await server.dial(key=mine), await server.dial(), await dial_as(server, shown)]
        accepted = [await server.accepted() for _ in clients]
        assert [one.fingerprint for one in accepted] == [mine.fingerprint, None, sha256_of(leaf)]
        async with asyncio.TaskGroup() as tasks:
            for one in accepted:
                tasks.create_task(echo(one.connection))
            for number, client in enumerate(clients):
                stream = await client.open_bi()
                await stream.write(b"%d" % number)
                stream.finish()
                assert await soon(read_all(stream)) == b"%d" % number
                client.close()
