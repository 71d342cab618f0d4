"""Whom a dial trusts: the table of spec core §11, row by row."""

import ssl

import pytest
from aioquic.tls import SignatureAlgorithm
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from node.core.errors import HandshakeError, PinMismatch
from node.quic.connection.link import BROKEN
from node.quic.tls.credentials import CertificateType, Credential, ServerCredentials, raw_key
from node.quic.tls.keys import NodeKey
from tests.support.certificates import certificate, ending_in_the_year_0, sha256_of
from tests.support.quic import serving

BAD_CERTIFICATE = 0x12A
ILLEGAL_PARAMETER = 0x12F
HOST = "node.example"


@pytest.fixture
def showing(monkeypatch):
    """Have servers show this credential, whatever the client reads."""
    return lambda credential: monkeypatch.setattr(ServerCredentials, "choose", lambda *_: credential)


@pytest.fixture
def authority(monkeypatch, tmp_path):
    """A CA that this machine trusts."""
    private = ec.generate_private_key(ec.SECP256R1())
    root = certificate(private, name="ca", usable_as_ca=True)
    bundle = tmp_path / "roots.pem"
    bundle.write_bytes(root.public_bytes(Encoding.PEM))
    monkeypatch.setenv(ssl.get_default_verify_paths().openssl_cafile_env, str(bundle))
    return root, private


def signed_by(ca, name=HOST):
    private = ec.generate_private_key(ec.SECP256R1())
    leaf = certificate(private, name=name, ca=ca)
    return Credential(CertificateType.X509, leaf, SignatureAlgorithm.ECDSA_SECP256R1_SHA256, private)


# No pin, X.509


async def test_without_a_pin_a_certificate_of_a_trusted_ca_for_this_host_is_trusted(showing, authority):
    showing(signed_by(authority))
    async with serving() as server:
        await server.dial(pin=None, server_name=HOST)
        await server.accepted()


@pytest.mark.parametrize("name", ["another.example", "example", "alknet"])
async def test_without_a_pin_another_host_s_certificate_is_not(showing, authority, name):
    showing(signed_by(authority))
    async with serving() as server:
        with pytest.raises(HandshakeError) as caught:
            await server.dial(pin=None, server_name=name, key=NodeKey.generate())
        assert caught.value.code == BAD_CERTIFICATE
        assert server.waiting == 0


async def test_without_a_pin_a_stranger_s_ca_proves_nothing(showing, authority):
    private = ec.generate_private_key(ec.SECP256R1())
    showing(signed_by((certificate(private, name="ca", usable_as_ca=True), private)))
    async with serving() as server:
        with pytest.raises(HandshakeError) as caught:
            await server.dial(pin=None, server_name=HOST)
        assert caught.value.code == BAD_CERTIFICATE
        assert server.waiting == 0


ODD = ec.generate_private_key(ec.SECP256R1())
X400_NAME = x509.UnrecognizedExtension(x509.oid.ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\x30\x02\xa3\x00")


@pytest.mark.parametrize(
    "leaf",
    [ending_in_the_year_0(ODD), certificate(ODD, name="*.example"), certificate(ODD, alternative=X400_NAME)],
    ids=["dates", "wildcard", "name"],
)
async def test_without_a_pin_a_certificate_that_cannot_even_be_checked_is_refused_and_not_our_fault(
    showing, caplog, leaf
):
    showing(Credential(CertificateType.X509, leaf, SignatureAlgorithm.ECDSA_SECP256R1_SHA256, ODD))
    async with serving() as server:
        with pytest.raises(HandshakeError) as caught:
            await server.dial(pin=None, server_name=HOST)
        assert caught.value.code == BAD_CERTIFICATE
        assert server.waiting == 0
    assert BROKEN not in caplog.messages


# No pin, raw key


async def test_without_a_pin_a_raw_key_fails_the_handshake(showing):
    async with serving() as server:
        showing(raw_key(server.key))
        with pytest.raises(HandshakeError) as caught:
            await server.dial(pin=None, key=NodeKey.generate())
        assert not isinstance(caught.value, PinMismatch)
        assert caught.value.code in (BAD_CERTIFICATE, ILLEGAL_PARAMETER)
        assert server.waiting == 0


# Pin set, raw key


async def test_a_pinned_raw_key_is_trusted_under_any_name():
    async with serving() as server:
        await server.dial(pin=server.key.fingerprint, server_name="whatever.example")
        await server.accepted()


async def test_another_raw_key_than_the_pinned_one_is_a_mismatch():
    async with serving() as server:
        with pytest.raises(PinMismatch) as caught:
            await server.dial(pin=NodeKey.generate().fingerprint)
        assert caught.value.shown == server.key.fingerprint
        assert server.waiting == 0


# Pin set, X.509


async def test_a_pinned_certificate_is_trusted_without_a_ca_and_under_any_name(showing):
    private = ec.generate_private_key(ec.SECP256R1())
    shown = signed_by((certificate(private, name="ca", usable_as_ca=True), private))
    showing(shown)
    async with serving() as server:
        await server.dial(pin=sha256_of(shown.leaf), server_name="whatever.example")
        await server.accepted()


async def test_a_certificate_of_a_trusted_ca_does_not_satisfy_another_pin(showing, authority):
    """What is pinned is pinned: a CA cannot overrule it."""
    shown = signed_by(authority)
    showing(shown)
    async with serving() as server:
        for pin in ("SHA256:" + "0" * 64, server.key.fingerprint):
            with pytest.raises(PinMismatch) as caught:
                await server.dial(pin=pin, server_name=HOST)
            assert caught.value.shown == sha256_of(shown.leaf)
        assert server.waiting == 0


async def test_a_pinned_key_is_not_satisfied_by_a_certificate_over_that_key(showing):
    """The fingerprint must equal the pin exactly. A node that holds the key shows it raw, as it was asked to."""
    key = NodeKey.generate()
    shown = Credential(CertificateType.X509, certificate(key.private), SignatureAlgorithm.ED25519, key.private)
    showing(shown)
    async with serving() as server:
        with pytest.raises(PinMismatch) as caught:
            await server.dial(pin=key.fingerprint)
        assert (caught.value.expected, caught.value.shown) == (key.fingerprint, sha256_of(shown.leaf))
        await server.dial(pin=sha256_of(shown.leaf))
        await server.accepted()


async def test_a_pinned_certificate_without_its_private_key_is_no_proof(showing):
    leaf = certificate(NodeKey.generate().private)
    showing(Credential(CertificateType.X509, leaf, SignatureAlgorithm.ED25519, Ed25519PrivateKey.generate()))
    async with serving() as server:
        with pytest.raises(HandshakeError) as caught:
            await server.dial(pin=sha256_of(leaf))
        assert not isinstance(caught.value, PinMismatch)
        assert server.waiting == 0


async def test_a_node_with_several_credentials_shows_the_pinned_kind():
    """One port, two pins: its raw key, and the certificate that it made for others."""
    async with serving() as server:
        leaf = server.listener._settings.credentials.choices[1].leaf
        for pin in (server.key.fingerprint, sha256_of(leaf)):
            await server.dial(pin=pin)
            await server.accepted()
