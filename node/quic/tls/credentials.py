"""What a node shows in a handshake: its raw Ed25519 key, or a certificate where that is not read (decision 3)."""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import IntEnum

from aioquic.tls import SignatureAlgorithm
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from node.core.fingerprint import fingerprint_of
from node.quic.tls.keys import NodeKey
from node.quic.tls.schemes import schemes_of

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


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


class Encoded:
    """A certificate or raw key for the engine, which asks it for nothing but its bytes: encoded once."""

    __slots__ = ("_der",)

    def __init__(self, certificate: x509.Certificate | RawPublicKey) -> None:
        self._der = certificate.public_bytes(Encoding.DER)

    def public_bytes(self, encoding: Encoding) -> bytes:
        return self._der


@dataclass(frozen=True, slots=True)
class Credential:
    """One thing to show, with the key that proves it and the signature scheme that a verifier must know."""

    kind: CertificateType
    leaf: x509.Certificate | RawPublicKey
    scheme: SignatureAlgorithm
    private: PrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()
    """What leads from the leaf to an authority. Servers only: a client shows its leaf alone (decision 5)."""
    encoded: tuple[Encoded, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "encoded", tuple(Encoded(one) for one in (self.leaf, *self.chain)))


@dataclass(frozen=True, slots=True)
class ClientOffer:
    """What a ClientHello says about keys: the kinds it reads, the kinds it can show, the signatures it verifies.

    `names_server` and `names_client` are whether it speaks of the kinds at all: where it does, so must the answer.
    """

    reads: Collection[int]
    shows: Collection[int]
    verifies: Collection[int]
    names_server: bool = False
    names_client: bool = False


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate with its private key and the chain above it."""

    leaf: x509.Certificate
    private: PrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.leaf.public_bytes(Encoding.DER))

    def choices(self) -> tuple[Credential, ...]:
        """One for each way in which its key can sign, as a client may verify one and not another."""
        return tuple(
            Credential(CertificateType.X509, self.leaf, scheme, self.private, self.chain)
            for scheme in schemes_of(self.private.public_key())
        )


class ServerCredentials:
    """All that a node can show, best first: its raw key, the operator's certificate, those that it made itself.

    There is one certificate for all host names: the name that a client asks for (SNI) changes nothing. What is
    replaced counts from the next handshake on.
    """

    def __init__(self, key: NodeKey, *, passing: Certified, own: Certified, operator: Certified | None = None) -> None:
        self._raw = raw_key(key)
        self._own = own
        self.passing = passing
        """The self-made certificate over a P-256 key, for clients that know no Ed25519, such as browsers."""
        self.operator = operator
        self.choices: tuple[Credential, ...] = ()
        self._arrange()

    def choose(self, offer: ClientOffer) -> Credential | None:
        """The first credential that this client can both read and verify."""
        for one in self.choices:
            if one.kind in offer.reads and one.scheme in offer.verifies:
                return one
        return None

    def replace_operator(self, certified: Certified) -> None:
        self.operator = certified
        self._arrange()

    def replace_passing(self, certified: Certified) -> None:
        self.passing = certified
        self._arrange()

    def _arrange(self) -> None:
        given = () if self.operator is None else self.operator.choices()
        self.choices = (self._raw, *given, *self._own.choices(), *self.passing.choices())


def raw_key(key: NodeKey) -> Credential:
    """The key itself as a credential, for either side of a handshake."""
    leaf = RawPublicKey(key.private.public_key())
    return Credential(CertificateType.RAW_PUBLIC_KEY, leaf, SignatureAlgorithm.ED25519, key.private)
