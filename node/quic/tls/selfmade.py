"""The certificates that a node makes for itself: one over its own key, and one over a P-256 key for browsers."""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from node.private_file import create_private, replace_private
from node.quic.tls.credentials import Certified, ServerCredentials
from node.quic.tls.keys import KeyFileError, NodeKey
from node.quic.tls.pem import read_certified

LIFETIME = datetime.timedelta(days=397)
"""Of the P-256 certificate: browsers take none that is valid for longer than 398 days."""

RENEWAL = datetime.timedelta(days=30)
"""A new certificate takes the place of one that has no longer than this to live. The key stays."""

_NAME = "alknet"
_EPOCH = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_NEVER = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
"""The end of a certificate that has no end (RFC 5280 §4.1.2.5)."""

_WRITTEN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
"""A clock that is before this has not been set yet, as on a board without a battery, and proves nothing."""


def self_made(key: NodeKey, passing: Certified | None = None, operator: Certified | None = None) -> ServerCredentials:
    """What a node of this key shows; without a `passing` certificate, one that this process alone knows."""
    return ServerCredentials(key, passing=passing or make_passing(), own=ed25519_certificate(key), operator=operator)


def ed25519_certificate(key: NodeKey) -> Certified:
    """Self-signed over the node's own key. Every byte follows from the key, so its fingerprint outlives restarts."""
    leaf = _builder(key.private, _EPOCH, _NEVER).serial_number(1).sign(key.private, None)
    return Certified(leaf, key.private)


def load_or_make_passing(path: Path) -> Certified:
    """The P-256 certificate of this node in `path`, key and certificate in one file; made first where there is none.

    It is made anew over the same key when it nears its end, so that a client which trusts the key still does. Nothing
    else replaces the file: a damaged one is an error, not an occasion. Of two processes that start at once, both
    return the same. Raises KeyFileError.
    """
    try:
        certified = read_certified(path, path)
    except FileNotFoundError:
        _write(path, make_passing(), replace=False)
        certified = read_certified(path, path)
    return renewed(path, certified)


def renewed(path: Path, certified: Certified, now: datetime.datetime | None = None) -> Certified:
    """This certificate, or the one that took its place in `path`. Raises KeyFileError.

    That is so near its end, and before its beginning: it was made while the clock was wrong.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    begin, end = certified.leaf.not_valid_before_utc, certified.leaf.not_valid_after_utc
    is_good = end - now > RENEWAL and (begin <= now or now < _WRITTEN)
    if is_good or not isinstance(certified.private, ec.EllipticCurvePrivateKey):
        return certified
    fresh = make_passing(certified.private, now)
    _write(path, fresh, replace=True)
    return fresh


def make_passing(private: ec.EllipticCurvePrivateKey | None = None, now: datetime.datetime | None = None) -> Certified:
    """Self-signed over a P-256 key."""
    private = private or ec.generate_private_key(ec.SECP256R1())
    begin = (now or datetime.datetime.now(datetime.UTC)) - datetime.timedelta(days=1)
    builder = _builder(private, begin, begin + LIFETIME).serial_number(x509.random_serial_number())
    return Certified(builder.sign(private, hashes.SHA256()), private)


def _write(path: Path, certified: Certified, *, replace: bool) -> None:
    key = certified.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write = replace_private if replace else create_private
    try:
        write(path, key + certified.leaf.public_bytes(Encoding.PEM))
    except OSError as error:
        raise KeyFileError(path, f"cannot be made: {error.strerror}") from None


def _builder(
    private: Ed25519PrivateKey | ec.EllipticCurvePrivateKey, begin: datetime.datetime, end: datetime.datetime
) -> x509.CertificateBuilder:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    return (
        x509.CertificateBuilder(name, name, private.public_key())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
    )
