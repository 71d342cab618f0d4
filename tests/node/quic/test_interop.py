"""A QUIC client of other people: ngtcp2's gtlsclient, on GnuTLS (Debian package ngtcp2-client). It speaks HTTP/3."""

import asyncio
import contextlib
import datetime
import functools
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from node.core.fingerprint import fingerprint_of
from node.quic.limits import QuicLimits
from node.quic.server.listener import QuicListener
from node.quic.tls.credentials import Certified
from node.quic.tls.keys import NodeKey
from node.quic.tls.selfmade import self_made
from tests.support.certificates import certificate, pem_of
from tests.support.quic import Server, soon

pytestmark = pytest.mark.interop

CIPHERS = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM"
P384 = ec.generate_private_key(ec.SECP384R1())
RSA, RSA_4096 = (rsa.generate_private_key(65537, bits) for bits in (2048, 4096))
BROWSER_LIKE = f"{CIPHERS}:-SIGN-ALL:+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-RSA-PSS-RSAE-SHA256"
"""Signature algorithms without Ed25519, as browsers send them."""


@contextlib.asynccontextmanager
async def listening(alpn, make=Server, operator=None):
    key = NodeKey.generate()
    shown = self_made(key, operator=operator)
    listener = await QuicListener.bind("127.0.0.1", 0, key=key, alpns=[alpn], limits=QuicLimits(), credentials=shown)
    try:
        yield make(listener, key)
    finally:
        await listener.close()


@contextlib.asynccontextmanager
async def gtlsclient(path, server, *options):
    """A running client that asks for one page."""
    address = (server.host, str(server.port), "https://localhost/page")
    process = await asyncio.create_subprocess_exec(
        path, "--no-quic-dump", *options, *address, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
def identity(tmp_path):
    """Make key and certificate files; gives the client's options for them and the certificate's fingerprint."""

    def make(private):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer")])
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
        leaf = builder.sign(private, None if isinstance(private, ed25519.Ed25519PrivateKey) else hashes.SHA256())
        key_file, leaf_file = tmp_path / "key.pem", tmp_path / "leaf.pem"
        key_file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        leaf_file.write_bytes(leaf.public_bytes(Encoding.PEM))
        fingerprint = "SHA256:" + hashlib.sha256(leaf.public_bytes(Encoding.DER)).hexdigest()
        return (f"--key={key_file}", f"--cert={leaf_file}"), fingerprint

    return make


async def test_an_anonymous_client_connects_and_understands_that_one_way_streams_are_not_served(program):
    """HTTP/3 needs its one-way streams: told to stop them, its client ends with H3_CLOSED_CRITICAL_STREAM."""
    async with listening(b"h3") as server, gtlsclient(program("gtlsclient"), server) as client:
        accepted = await server.accepted()
        assert (accepted.alpn, accepted.fingerprint) == (b"h3", None)
        closed = await soon(accepted.connection.wait_closed())
        assert closed.code == 0x104
        assert await soon(client.wait()) == 0


async def test_a_close_of_ours_is_understood(program):

    class Closing(Server):
        def _accept(self, connection, *_, **__):
            connection.close(0x41, "peer disabled")

    async with listening(b"h3", Closing) as server, gtlsclient(program("gtlsclient"), server) as client:
        output = (await soon(client.communicate()))[0].decode(errors="replace")
        assert "(0x41)" in output
        assert "peer disabled" in output


async def test_a_client_that_knows_no_ed25519_is_shown_the_p256_certificate(program):
    async with listening(b"h3") as server:
        for options, kind in (
            ((), ed25519.Ed25519PrivateKey),
            ((f"--ciphers={BROWSER_LIKE}",), ec.EllipticCurvePrivateKey),
        ):
            async with gtlsclient(program("gtlsclient"), server, *options):
                accepted = await server.accepted()
                handshake = accepted.connection._source.engine.handshake
                assert isinstance(handshake.certificate_private_key, kind)
                accepted.connection.close()


@pytest.mark.parametrize(
    "private",
    [
        ec.generate_private_key(ec.SECP256R1()),
        P384,
        RSA,
        RSA_4096,
    ],
    ids=["p256", "p384", "rsa2048", "rsa4096"],
)
async def test_a_client_certificate_of_other_software_is_named_by_its_hash(program, identity, private):
    options, fingerprint = identity(private)
    async with listening(b"h3") as server, gtlsclient(program("gtlsclient"), server, *options):
        accepted = await server.accepted()
        assert (accepted.fingerprint, accepted.alternative) == (fingerprint, None)


async def test_an_ed25519_certificate_of_other_software_also_has_its_key_s_name(program, identity):
    private = ed25519.Ed25519PrivateKey.generate()
    options, fingerprint = identity(private)
    async with listening(b"h3") as server, gtlsclient(program("gtlsclient"), server, *options):
        accepted = await server.accepted()
        assert (accepted.fingerprint, accepted.alternative) == (
            fingerprint,
            fingerprint_of(NodeKey(private).public_der),
        )


async def test_a_client_with_another_alpn_is_turned_away(program):
    async with listening(b"alknet/call") as server, gtlsclient(program("gtlsclient"), server) as client:
        output = (await soon(client.communicate()))[0].decode(errors="replace")
        assert "(0x178)" in output
        assert server.waiting == 0


async def test_a_client_that_sends_its_chain_is_told_not_to(program, identity, tmp_path):
    options, _ = identity(ec.generate_private_key(ec.SECP256R1()))
    authority = ec.generate_private_key(ec.SECP256R1())
    leaf = tmp_path / "leaf.pem"
    private = load_pem_private_key((tmp_path / "key.pem").read_bytes(), None)
    root = certificate(authority, name="ca", usable_as_ca=True)
    leaf.write_bytes(pem_of(certificate(private, ca=(root, authority)), root))
    async with listening(b"h3") as server, gtlsclient(program("gtlsclient"), server, *options) as client:
        output = (await soon(client.communicate()))[0].decode(errors="replace")
        assert "(0x12a)" in output
        assert server.waiting == 0


@pytest.mark.parametrize("private", [P384, RSA, RSA_4096], ids=["p384", "rsa2048", "rsa4096"])
async def test_an_operator_s_certificate_and_its_chain_are_understood(program, private):
    authority = ec.generate_private_key(ec.SECP256R1())
    root = certificate(authority, name="ca", usable_as_ca=True)
    given = Certified(certificate(private, name="localhost", ca=(root, authority)), private, (root,))
    client = functools.partial(gtlsclient, program("gtlsclient"))
    ciphers = f"--ciphers={BROWSER_LIKE}:+SIGN-ECDSA-SECP384R1-SHA384"
    async with listening(b"h3", operator=given) as server, client(server, ciphers):
        accepted = await server.accepted()
        assert accepted.connection._source.engine.handshake.certificate_private_key is private
