"""Which credential a server shows to whom (decision 3)."""

import pytest
from aioquic.tls import SignatureAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from node.quic.tls.credentials import CertificateType, Certified, ClientOffer
from node.quic.tls.keys import NodeKey
from node.quic.tls.selfmade import self_made
from tests.support.certificates import certificate

RAW, X509 = CertificateType.RAW_PUBLIC_KEY, CertificateType.X509
ED25519, P256 = SignatureAlgorithm.ED25519, SignatureAlgorithm.ECDSA_SECP256R1_SHA256
RSA, RSA_512 = SignatureAlgorithm.RSA_PSS_RSAE_SHA256, SignatureAlgorithm.RSA_PSS_RSAE_SHA512

OPERATOR = rsa.generate_private_key(65537, 2048)
CREDENTIALS = self_made(NodeKey.generate())


@pytest.mark.parametrize(
    ("reads", "verifies", "kind", "scheme"),
    [
        ((RAW, X509), (ED25519, P256), RAW, ED25519),
        ((X509, RAW), (P256, ED25519), RAW, ED25519),
        ((RAW,), (ED25519,), RAW, ED25519),
        ((X509,), (P256, ED25519, RSA), X509, ED25519),
        ((X509,), (P256, RSA), X509, P256),
        ((RAW, X509), (P256,), X509, P256),
    ],
    ids=["raw", "raw-even-if-second", "raw-only", "certificate", "browser", "raw-that-it-cannot-verify"],
)
def test_the_best_that_the_client_reads_and_verifies_is_shown(reads, verifies, kind, scheme):
    chosen = CREDENTIALS.choose(ClientOffer(reads, (X509,), verifies))
    assert (chosen.kind, chosen.scheme) == (kind, scheme)


@given(st.lists(st.integers(0, 255)), st.lists(st.integers(0, 0xFFFF)))
def test_nothing_is_ever_shown_that_the_client_cannot_use(reads, verifies):
    chosen = CREDENTIALS.choose(ClientOffer(reads, (), verifies))
    usable = [(RAW, ED25519), (X509, ED25519), (X509, P256)]
    usable = [(kind, scheme) for kind, scheme in usable if kind in reads and scheme in verifies]
    assert (None if chosen is None else (chosen.kind, chosen.scheme)) == (usable[0] if usable else None)


@pytest.mark.parametrize(
    ("reads", "verifies", "kind", "scheme", "is_operators"),
    [
        ((RAW, X509), (ED25519, RSA), RAW, ED25519, False),
        ((X509,), (ED25519, P256, RSA), X509, RSA, True),
        ((X509,), (P256, RSA_512, RSA), X509, RSA, True),
        ((X509,), (P256, RSA_512), X509, RSA_512, True),
        ((X509,), (P256, SignatureAlgorithm.RSA_PKCS1_SHA256), X509, P256, False),
        ((X509,), (ED25519,), X509, ED25519, False),
    ],
    ids=["peer", "browser", "by-its-first-scheme", "another-hash", "no-pss", "ed25519-only"],
)
def test_the_operator_s_certificate_goes_before_those_that_are_self_made(reads, verifies, kind, scheme, is_operators):
    given = Certified(certificate(OPERATOR), OPERATOR)
    chosen = self_made(NodeKey.generate(), operator=given).choose(ClientOffer(reads, (X509,), verifies))
    assert (chosen.kind, chosen.scheme, chosen.leaf == given.leaf) == (kind, scheme, is_operators)


def test_the_ed25519_certificate_is_the_same_after_a_restart():
    key = NodeKey.generate()
    first, second = (self_made(key).choices[1].leaf.public_bytes(Encoding.DER) for _ in range(2))
    assert first == second


def test_each_certificate_is_signed_by_the_key_it_holds():
    _, own, passing = CREDENTIALS.choices
    for credential in (own, passing):
        credential.leaf.verify_directly_issued_by(credential.leaf)
        assert credential.leaf.public_key() == credential.private.public_key()
    assert isinstance(passing.private.curve, ec.SECP256R1)


def test_no_repr_shows_a_private_key():
    assert "private" not in repr(CREDENTIALS.choices).lower()
