"""What a node shows in a handshake: its raw Ed25519 key, or a certificate where that is not read (decision 3)."""

import datetime
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import IntEnum

from aioquic.tls import SignatureAlgorithm
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from node.quic.keys import NodeKey

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey
_NAME = "alknet"
_EPOCH = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_NEVER = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
"""The end of a certificate that has no end (RFC 5280 §4.1.2.5)."""


class CertificateType(IntEnum):
    """The registry of RFC 7250 §6, as far as it is in use."""

    X509 = 0
    RAW_PUBLIC_KEY = 2


class RawPublicKey:
    """An Ed25519 key where the engine expects a certificate: its SubjectPublicKeyInfo alone (RFC 7250 §3)."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    def public_key(self) -> Ed25519PublicKey:
        return self._key

    def public_bytes(self, encoding: Encoding) -> bytes:
        return self._key.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True, slots=True)
class Credential:
    """One thing to show, with the key that proves it and the signature scheme that a verifier must know."""

    kind: CertificateType
    leaf: x509.Certificate | RawPublicKey
    scheme: SignatureAlgorithm
    private: PrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientOffer:
    """What a ClientHello says about keys: the kinds it reads, the kinds it can show, the signatures it verifies."""

    reads: Collection[int]
    shows: Collection[int]
    verifies: Collection[int]


class ServerCredentials:
    """All that a node can show, best first."""

    def __init__(self, key: NodeKey) -> None:
        self.choices: tuple[Credential, ...] = (raw_key(key), _ed25519_certificate(key), _p256_certificate())

    def choose(self, offer: ClientOffer) -> Credential | None:
        """The first credential that this client can both read and verify."""
        usable = (c for c in self.choices if c.kind in offer.reads and c.scheme in offer.verifies)
        return next(usable, None)


def raw_key(key: NodeKey) -> Credential:
    """The key itself as a credential, for either side of a handshake."""
    leaf = RawPublicKey(key.private.public_key())
    return Credential(CertificateType.RAW_PUBLIC_KEY, leaf, SignatureAlgorithm.ED25519, key.private)


def _ed25519_certificate(key: NodeKey) -> Credential:
    """Self-signed over the node's own key. Every byte follows from the key, so its fingerprint outlives restarts."""
    leaf = _builder(key.private, _EPOCH, _NEVER).serial_number(1).sign(key.private, None)
    return Credential(CertificateType.X509, leaf, SignatureAlgorithm.ED25519, key.private)


def _p256_certificate() -> Credential:
    """Self-signed over a key of this process only, for clients that know no Ed25519, such as browsers."""
    private = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    builder = _builder(private, now - datetime.timedelta(days=1), now + datetime.timedelta(days=397))
    leaf = builder.serial_number(x509.random_serial_number()).sign(private, hashes.SHA256())
    return Credential(CertificateType.X509, leaf, SignatureAlgorithm.ECDSA_SECP256R1_SHA256, private)


def _builder(private: PrivateKey, begin: datetime.datetime, end: datetime.datetime) -> x509.CertificateBuilder:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    return (
        x509.CertificateBuilder(name, name, private.public_key())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
    )
