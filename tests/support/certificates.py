"""Certificates and PEM files for tests: over any key, signed by anybody, for any time."""

import datetime
import hashlib
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


def certificate(
    private: Any,
    *,
    name: str = "peer",
    ca: tuple[x509.Certificate, Any] | None = None,
    usable_as_ca: bool = False,
    begin: datetime.timedelta = -HOUR,
    end: datetime.timedelta = DAY,
    alternative: x509.ExtensionType | None = None,
) -> x509.Certificate:
    """A certificate over `private`, signed by itself or by (certificate, key) of a CA; its times are from now.

    Its other names are `name` alone, unless an extension says otherwise.
    """
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    issuer, signer = (subject, private) if ca is None else (ca[0].subject, ca[1])
    builder = (
        x509.CertificateBuilder(issuer, subject, private.public_key(), x509.random_serial_number())
        .not_valid_before(now + begin)
        .not_valid_after(now + end)
        .add_extension(alternative or x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=usable_as_ca, path_length=None), critical=True)
    )
    bare = isinstance(signer, Ed25519PrivateKey | Ed448PrivateKey)
    return builder.sign(signer, None if bare else hashes.SHA256())


def ending_in_the_year_0(private: Any) -> x509.Certificate:
    """A certificate that can be read, though no calendar has its last day; its signature is broken."""
    far = datetime.datetime(9999, 12, 31, tzinfo=datetime.UTC) - datetime.datetime.now(datetime.UTC)
    whole = certificate(private, end=far).public_bytes(Encoding.DER)
    assert whole.count(b"\x18\x0f9999") == 1
    return x509.load_der_x509_certificate(whole.replace(b"\x18\x0f9999", b"\x18\x0f0000"))


def sha256_of(leaf: x509.Certificate) -> str:
    return "SHA256:" + hashlib.sha256(leaf.public_bytes(Encoding.DER)).hexdigest()


def pem_of(*parts: Any) -> bytes:
    """Certificates and private keys, one below the other."""
    return b"".join(_pem(part) for part in parts)


def _pem(part: Any) -> bytes:
    if isinstance(part, x509.Certificate):
        return part.public_bytes(Encoding.PEM)
    return part.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def put(path: Path, *parts: Any, mode: int = 0o600) -> Path:
    """Write parts to a file of this mode."""
    path.write_bytes(pem_of(*parts))
    path.chmod(mode)
    return path
