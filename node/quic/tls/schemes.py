"""Which keys take part in a handshake, and with which signatures (spec core §11, RFC 8446 §4.2.3)."""

from aioquic.tls import SignatureAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

RSA_BITS = range(2048, 8192 + 1)
"""Shorter RSA keys prove nothing any more, and a longer one costs its verifier too much."""

RSA_EXPONENT_BITS = 64
"""Of its public exponent, which is 17 bits long in practice: one as long as the key has a verifier work thirty times as
long, and anybody can have us verify."""

_SIGN_BIT = 1 << 255
_FIELD = 2**255 - 19
_EIGHTH = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_WEAK = frozenset((0, 1, _EIGHTH, _FIELD - _EIGHTH, _FIELD - 1, _FIELD, _FIELD + 1))
"""The y of the eight Ed25519 points of small order, and how else two of them can be spelled (RFC 8032 §5.1.3)."""

SIGNATURES: list[int] = [
    SignatureAlgorithm.ED25519,
    SignatureAlgorithm.ECDSA_SECP256R1_SHA256,
    SignatureAlgorithm.ECDSA_SECP384R1_SHA384,
    SignatureAlgorithm.RSA_PSS_RSAE_SHA256,
    SignatureAlgorithm.RSA_PSS_RSAE_SHA384,
    SignatureAlgorithm.RSA_PSS_RSAE_SHA512,
    SignatureAlgorithm.RSA_PKCS1_SHA256,
    SignatureAlgorithm.RSA_PKCS1_SHA384,
    SignatureAlgorithm.RSA_PKCS1_SHA512,
]
"""What we verify. The PKCS#1 entries are for signatures inside certificates only (RFC 8446 §4.2.3)."""


def schemes_of(key: object) -> tuple[SignatureAlgorithm, ...]:
    """How this public key may sign a handshake, best first; empty for a kind of key that is not served.

    TLS 1.3 ties each elliptic curve to one hash, which the engine does not look at (RFC 8446 §4.2.3).
    """
    if isinstance(key, Ed25519PublicKey):
        return () if _is_weak(key) else (SignatureAlgorithm.ED25519,)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _of_curve(key.curve)
    if isinstance(key, rsa.RSAPublicKey) and _is_fit(key):
        return (
            SignatureAlgorithm.RSA_PSS_RSAE_SHA256,
            SignatureAlgorithm.RSA_PSS_RSAE_SHA384,
            SignatureAlgorithm.RSA_PSS_RSAE_SHA512,
        )
    return ()


def _is_weak(key: Ed25519PublicKey) -> bool:
    """Whether anybody can sign for this key: of a point of small order there is no secret."""
    return int.from_bytes(key.public_bytes_raw(), "little") & ~_SIGN_BIT in _WEAK


def _is_fit(key: rsa.RSAPublicKey) -> bool:
    return key.key_size in RSA_BITS and key.public_numbers().e.bit_length() <= RSA_EXPONENT_BITS


def _of_curve(curve: ec.EllipticCurve) -> tuple[SignatureAlgorithm, ...]:
    if isinstance(curve, ec.SECP256R1):
        return (SignatureAlgorithm.ECDSA_SECP256R1_SHA256,)
    if isinstance(curve, ec.SECP384R1):
        return (SignatureAlgorithm.ECDSA_SECP384R1_SHA384,)
    return ()
