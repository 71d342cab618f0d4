"""A certificate and its key from PEM files, as certificate tools write them. Whatever is wrong has one sentence."""

import re
from pathlib import Path
from typing import cast, get_args

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from node.quic.tls.credentials import Certified, PrivateKey
from node.quic.tls.keys import KeyFileError, read_guarded
from node.quic.tls.schemes import schemes_of

MAX_PEM_FILE = 64 * 1024
"""Bytes; far above any chain that fits a handshake."""

MAX_CHAIN_BYTES = 12 * 1024
"""The leaf and its chain together, as they are sent. The engine's buffer for all that a server says holds 16 KiB."""

_FORBIDDEN = 0o037
"""Of a key file's modes: all that others may do, and all but reading for its group, by which services get keys."""

_KINDS = "holds a key of another kind than Ed25519, P-256, P-384, or usual RSA of 2048 to 8192 bits"

_PRIVATE = re.compile(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def read_certified(certificate: Path, key: Path) -> Certified:
    """The chain in `certificate`, leaf first, and the first private key in `key`; both may be one file.

    Raises FileNotFoundError where there is no such file, KeyFileError where one cannot be used as it is.
    """
    leaf, *chain = _chain(certificate)
    private = _private(key, "" if key != certificate else "; name the file of its key as node.certificate_key")
    if _public_half(leaf) != private.public_key():
        raise KeyFileError(key, f"does not belong to the first certificate of {certificate}")
    if not schemes_of(private.public_key()):
        raise KeyFileError(key, _KINDS)
    return Certified(leaf, private, tuple(chain))


def _chain(path: Path) -> list[x509.Certificate]:
    blocks = _CERTIFICATE.findall(read_guarded(path, MAX_PEM_FILE, forbidden=0))
    try:
        found = [x509.load_pem_x509_certificate(block) for block in blocks]
        for one in found:
            # Only read when they are asked for, and those of no calendar are an error then.
            _ = one.not_valid_before_utc, one.not_valid_after_utc
    except ValueError:
        raise KeyFileError(path, "holds a damaged certificate") from None
    if not found:
        raise KeyFileError(path, "holds no certificate (PEM)")
    if sum(len(one.public_bytes(Encoding.DER)) for one in found) > MAX_CHAIN_BYTES:
        raise KeyFileError(path, f"holds a chain of more than {MAX_CHAIN_BYTES} bytes")
    return found


def _private(path: Path, remedy: str) -> PrivateKey:
    """The first private key; `remedy` is said where there is none."""
    try:
        key = load_pem_private_key(_private_block(path, remedy), password=None)
    except TypeError:
        raise KeyFileError(path, "is encrypted with a passphrase; keep an unencrypted key for this") from None
    except (ValueError, UnsupportedAlgorithm):
        # The cause stays out of the chain: a parser's message may quote what it read.
        raise KeyFileError(path, "holds a damaged private key") from None
    if not isinstance(key, get_args(PrivateKey)):
        raise KeyFileError(path, _KINDS)
    return cast("PrivateKey", key)


def _private_block(path: Path, remedy: str) -> bytes:
    """Whether there is a key at all is looked at first: a certificate alone may be read by everybody."""
    found = b""
    for forbidden in (0, _FORBIDDEN):
        block = _PRIVATE.search(read_guarded(path, MAX_PEM_FILE, forbidden=forbidden))
        if block is None:
            raise KeyFileError(path, f"holds no private key (PEM){remedy}")
        found = block[0]
    return found


def _public_half(leaf: x509.Certificate) -> object:
    """The key of a certificate; None where it is of a kind that nobody here can read."""
    try:
        return leaf.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
