"""Every kind of client key: possession proven, over real handshakes; what is no good is refused with a clear alert."""

import math

import pytest
from aioquic import tls
from aioquic._buffer import Buffer
from aioquic.tls import SignatureAlgorithm
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import example, given
from hypothesis import strategies as st

from node.quic.engine.engine import Engine
from node.quic.tls.credentials import CertificateType, Credential, RawPublicKey
from node.quic.tls.handshake import ServerTls
from node.quic.tls.keys import NodeKey
from node.quic.tls.levels import MAX_CLIENT_MESSAGE
from node.quic.tls.schemes import _WEAK, schemes_of
from node.quic.tls.selfmade import self_made
from tests.support.certificates import DAY, HOUR, certificate, sha256_of
from tests.support.quic import dial_as, serving, soon

BAD_CERTIFICATE, UNSUPPORTED, ILLEGAL, DECODE_ERROR, DECRYPT_ERROR = 0x12A, 0x12B, 0x12F, 0x132, 0x133
P256, P384, P521 = (ec.generate_private_key(curve()) for curve in (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1))
ED25519 = Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(65537, 2048)
OTHERS = {
    ec.EllipticCurvePrivateKey: lambda key: ec.generate_private_key(key.curve),
    Ed25519PrivateKey: lambda _: Ed25519PrivateKey.generate(),
    rsa.RSAPrivateKey: lambda _: rsa.generate_private_key(65537, 2048),
}
RIGHT = [
    pytest.param(private, SignatureAlgorithm[scheme], id=scheme)
    for private, scheme in (
        (ED25519, "ED25519"),
        (P256, "ECDSA_SECP256R1_SHA256"),
        (P384, "ECDSA_SECP384R1_SHA384"),
        (RSA, "RSA_PSS_RSAE_SHA256"),
        (RSA, "RSA_PSS_RSAE_SHA384"),
        (RSA, "RSA_PSS_RSAE_SHA512"),
    )
]


class Der:
    """A certificate of any bytes."""

    def __init__(self, data):
        self.data = data

    def public_bytes(self, _):
        return self.data


def shown(leaf, private, scheme, chain=()):
    return Credential(CertificateType.X509, leaf, scheme, private, chain)


async def refusal(credential, *chain):
    """The code with which a server ends the connection of a client that shows this."""
    async with serving() as server:
        client = await dial_as(server, credential, *chain)
        closed = await soon(client.wait_closed())
        assert server.waiting == 0
        return closed.code


@pytest.mark.parametrize(("private", "scheme"), RIGHT)
async def test_a_right_key_is_named_by_its_certificate(private, scheme):
    leaf = certificate(private)
    async with serving() as server:
        await dial_as(server, shown(leaf, private, scheme))
        assert (await server.accepted()).fingerprint == sha256_of(leaf)


@pytest.mark.parametrize(("private", "scheme"), RIGHT)
async def test_a_certificate_with_another_private_key_is_refused(private, scheme):
    [other] = [make(private) for kind, make in OTHERS.items() if isinstance(private, kind)]
    assert await refusal(shown(certificate(private), other, scheme)) == DECRYPT_ERROR


@pytest.mark.parametrize(("begin", "end"), [(-DAY, -HOUR), (DAY, 2 * DAY)], ids=["expired", "not-yet"])
async def test_dates_and_issuers_are_no_business_of_ours(begin, end):
    authority = ec.generate_private_key(ec.SECP384R1())
    root = certificate(authority, name="nobody", usable_as_ca=True)
    leaf = certificate(P256, begin=begin, end=end, ca=(root, authority))
    async with serving() as server:
        await dial_as(server, shown(leaf, P256, SignatureAlgorithm.ECDSA_SECP256R1_SHA256))
        assert (await server.accepted()).fingerprint == sha256_of(leaf)


@pytest.mark.parametrize(
    ("private", "scheme"),
    [
        pytest.param(P521, SignatureAlgorithm.ECDSA_SECP256R1_SHA256, id="p521"),
        pytest.param(ec.generate_private_key(ec.SECP256K1()), SignatureAlgorithm.ECDSA_SECP256R1_SHA256, id="koblitz"),
        pytest.param(rsa.generate_private_key(65537, 1024), SignatureAlgorithm.RSA_PSS_RSAE_SHA256, id="rsa1024"),
    ],
)
async def test_a_key_of_another_curve_or_length_is_refused_though_it_signs_well(private, scheme):
    assert await refusal(shown(certificate(private), private, scheme)) == UNSUPPORTED


class Nobody:
    """Signs for the neutral point of Ed25519 as anybody can, without a secret and whatever the message."""

    public = bytes([1]) + bytes(31)

    def public_key(self):
        return Ed25519PublicKey.from_public_bytes(self.public)

    def sign(self, _):
        return self.public + bytes(32)


async def test_a_key_for_which_anybody_can_sign_proves_nobody():
    leaf = RawPublicKey(Nobody().public_key())
    credential = Credential(CertificateType.RAW_PUBLIC_KEY, leaf, SignatureAlgorithm.ED25519, Nobody())
    assert await refusal(credential) == UNSUPPORTED


def test_every_spelling_of_such_a_key_is_known():
    """Held against forgery itself: for a point of small order one signature fits many messages, whoever made it."""
    field = 2**255 - 19
    weak = 0
    for y in {number for near in (0, field) for number in range(near - 3, near + 4)} | set(_WEAK):
        for sign in (0, 1 << 255):
            if 0 <= y < 1 << 255:
                key = Ed25519PublicKey.from_public_bytes((y | sign).to_bytes(32, "little"))
                assert (schemes_of(key) == ()) == forgeable(key)
                weak += forgeable(key)
    assert weak == 14


def forgeable(key):
    return any(accepts(key, Nobody().sign(b""), bytes([number])) for number in range(128))


def accepts(key, signature, message):
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def slow_to_verify():
    """An RSA key whose public exponent is as long as the key."""
    numbers = RSA.private_numbers()
    p, q = numbers.p, numbers.q
    phi = (p - 1) * (q - 1)
    e = next(e for e in range(phi - 1, 0, -2) if math.gcd(e, phi) == 1 and e.bit_length() > 2000)
    d = pow(e, -1, phi)
    exponents = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, *exponents, rsa.RSAPublicNumbers(e, p * q)).private_key()


async def test_a_key_that_would_keep_us_verifying_is_refused():
    private = slow_to_verify()
    credential = shown(certificate(private), private, SignatureAlgorithm.RSA_PSS_RSAE_SHA256)
    assert await refusal(credential) == UNSUPPORTED


@pytest.mark.parametrize("private", [Ed448PrivateKey.generate(), dsa.generate_private_key(2048)], ids=["ed448", "dsa"])
async def test_a_key_of_another_kind_is_refused_whatever_signs(private):
    scheme = SignatureAlgorithm.ECDSA_SECP256R1_SHA256
    assert await refusal(shown(certificate(private), P256, scheme)) == UNSUPPORTED


async def test_a_key_that_cannot_sign_at_all_is_refused_as_such():
    class Holder:
        public_key = x25519.X25519PrivateKey.generate().public_key

    authority = ec.generate_private_key(ec.SECP256R1())
    leaf = certificate(Holder, ca=(certificate(authority), authority))
    assert await refusal(shown(leaf, P256, SignatureAlgorithm.ECDSA_SECP256R1_SHA256)) == UNSUPPORTED


@pytest.mark.parametrize(
    ("private", "scheme"),
    [
        pytest.param(P256, SignatureAlgorithm.ECDSA_SECP384R1_SHA384, id="hash-of-another-curve"),
        pytest.param(P384, SignatureAlgorithm.ECDSA_SECP256R1_SHA256, id="and-the-other-way"),
    ],
)
async def test_a_curve_signs_with_its_own_hash_only(private, scheme):
    assert await refusal(shown(certificate(private), private, scheme)) == ILLEGAL


async def test_a_chain_that_would_fit_is_refused_for_being_one():
    chain = tuple(certificate(P384) for _ in range(3))
    credential = shown(certificate(P256), P256, SignatureAlgorithm.ECDSA_SECP256R1_SHA256)
    assert await refusal(credential, *chain) == BAD_CERTIFICATE


@pytest.fixture
def large_flights(monkeypatch):
    """Lets our client write more than the engine's 16 KiB at one level; gives the most that any server gathered."""
    gathered = []
    initialize, handle = Engine._initialize, ServerTls.handle_message

    def prepared(self, peer_cid):
        initialize(self, peer_cid)
        if self._is_client:
            self._crypto_buffers[tls.Epoch.HANDSHAKE] = Buffer(capacity=1024 * 1024)

    def watched(self, data, output):
        try:
            handle(self, data, output)
        finally:
            gathered.append(len(self._receive_buffer))

    monkeypatch.setattr(Engine, "_initialize", prepared)
    monkeypatch.setattr(ServerTls, "handle_message", watched)
    return gathered


async def test_an_endless_chain_is_refused_at_its_first_bytes(large_flights):
    """Its length is told in its head, so that nothing of it needs to be gathered."""
    chain = tuple(Der(bytes(1000)) for _ in range(200))
    credential = shown(certificate(P256), P256, SignatureAlgorithm.ECDSA_SECP256R1_SHA256)
    assert await refusal(credential, *chain) == DECODE_ERROR
    assert max(large_flights) < MAX_CLIENT_MESSAGE


def with_oid(leaf, old, new):
    """The certificate with another kind of key inside: whatever its signature says, we never look."""
    data = leaf.public_bytes(Encoding.DER)
    assert bytes.fromhex(old) in data
    return Der(data.replace(bytes.fromhex(old), bytes.fromhex(new)))


@pytest.mark.parametrize(
    ("leaf", "code"),
    [
        pytest.param(Der(b""), BAD_CERTIFICATE, id="empty"),
        pytest.param(Der(b"\x30\x80\x00\x00"), BAD_CERTIFICATE, id="endless"),
        pytest.param(Der(certificate(P256).public_bytes(Encoding.DER) + b"\0"), BAD_CERTIFICATE, id="trailing"),
        pytest.param(Der(certificate(P256).public_bytes(Encoding.PEM)), BAD_CERTIFICATE, id="pem"),
        pytest.param(with_oid(certificate(ED25519), "06032b6570", "06032b657f"), UNSUPPORTED, id="unknown-kind"),
        pytest.param(with_oid(certificate(P256), "06082a8648ce3d030107", "06082a8648ce3d03017f"), None, id="curve"),
        pytest.param(with_oid(certificate(P256), "a003020102", "a003020109"), BAD_CERTIFICATE, id="version"),
    ],
)
async def test_what_is_no_proper_certificate_is_refused_and_not_our_fault(leaf, code, caplog):
    credential = shown(leaf, P256, SignatureAlgorithm.ECDSA_SECP256R1_SHA256)
    assert await refusal(credential) in ({code} if code else {UNSUPPORTED, BAD_CERTIFICATE})
    assert "failed inside the engine" not in caplog.text


def server_tls():
    server = ServerTls(tls.Context(is_client=False), self_made(NodeKey.generate()))
    server._peer_type = CertificateType.X509
    return server


LEAVES = [certificate(private).public_bytes(Encoding.DER) for private in (P256, ED25519, RSA)]


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@given(st.sampled_from(LEAVES), st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=4))
@example(LEAVES[0], [])
def test_a_damaged_certificate_is_taken_or_refused_and_nothing_else(data, changes):
    damaged = bytearray(data)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    server = server_tls()
    try:
        server._set_peer_certificate(tls.Certificate(certificates=[(bytes(damaged), b"")]))
    except tls.Alert:
        assert server.peer_key is None
        return
    assert server.peer_key.fingerprint == sha256_of(x509.load_der_x509_certificate(bytes(damaged)))


def test_no_two_spellings_of_a_signature_make_two_names_of_one_certificate():
    """The outer signature of a certificate is never checked; whoever changes it changes its hash, and is a stranger."""
    names = set()
    for flipped in (0, 1):
        data = bytearray(LEAVES[0])
        data[-1] ^= flipped
        server = server_tls()
        server._set_peer_certificate(tls.Certificate(certificates=[(bytes(data), b"")]))
        names.add((server.peer_key.fingerprint, server.peer_key.alternative))
    assert len(names) == 2
    assert all(alternative is None for _, alternative in names)
