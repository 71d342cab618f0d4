"""The Ed25519 key of a node or of a client's identity: one file, made on first use and never overwritten."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from node.core.errors import TlsConfigError
from node.core.fingerprint import fingerprint_of
from node.private_file import UnusableFile, create_private, read_private

MAX_KEY_FILE = 16 * 1024
"""Bytes; far above any Ed25519 private key."""


class KeyFileError(TlsConfigError):
    """A key file cannot be used. The message names the file and the cause, never its contents."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path


class NodeKey:
    """An Ed25519 private key that never shows itself: its repr and its equality speak of the public half."""

    __slots__ = ("_private", "fingerprint", "public_der")

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public_der = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        """The 44-byte SubjectPublicKeyInfo, as it is shown in a handshake (RFC 8410 §4)."""
        self.fingerprint = fingerprint_of(self.public_der)

    @classmethod
    def generate(cls) -> "NodeKey":
        return cls(Ed25519PrivateKey.generate())

    @property
    def private(self) -> Ed25519PrivateKey:
        """The key itself, for the TLS engine only."""
        return self._private

    def __repr__(self) -> str:
        return f"NodeKey({self.fingerprint})"


def load_node_key(path: Path) -> NodeKey:
    """The key in `path`: unencrypted, PKCS#8 PEM or OpenSSH format.

    Raises FileNotFoundError where there is none, KeyFileError where others may read it or it holds something else.
    """
    return NodeKey(_parse(path, read_guarded(path, MAX_KEY_FILE)))


def load_or_create_node_key(path: Path) -> NodeKey:
    """The key in `path`, made first where there is none: mode 0600, in a directory made with mode 0700.

    It is made in OpenSSH's format, which ssh reads as well. A file that exists is never overwritten: of two processes
    that start at once, both return the same key. Raises KeyFileError.
    """
    try:
        return load_node_key(path)
    except FileNotFoundError:
        _create(path, NodeKey.generate())
    return load_node_key(path)


def read_guarded(path: Path, limit: int, *, forbidden: int = 0o077) -> bytes:
    """`read_private` with the errors of this room. Raises FileNotFoundError where there is no file, KeyFileError."""
    try:
        return read_private(path, limit, forbidden=forbidden)
    except UnusableFile as error:
        raise KeyFileError(path, error.problem) from None


def _parse(path: Path, data: bytes) -> Ed25519PrivateKey:
    load = load_ssh_private_key if b"-----BEGIN OPENSSH PRIVATE KEY-----" in data else load_pem_private_key
    try:
        key = load(data, password=None)
    except TypeError:
        raise KeyFileError(path, "is encrypted with a passphrase; keep an unencrypted key for this") from None
    except (ValueError, UnsupportedAlgorithm):
        # The cause stays out of the chain: a parser's message may quote what it read.
        raise KeyFileError(path, "does not hold an unencrypted PEM or OpenSSH private key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(path, "holds a private key of another kind than Ed25519")
    return key


def _create(path: Path, key: NodeKey) -> None:
    try:
        create_private(path, key.private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    except OSError as error:
        raise KeyFileError(path, f"cannot be made: {error.strerror}") from None
