"""Ed25519 keys along hardened paths: SLIP-0010, and nothing that resembles it (spec vault §6)."""

import hmac

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.vault.constants import KEY_SIZE
from node.vault.errors import DerivationError, VaultError
from node.vault.mnemonic import Seed
from node.vault.paths import DerivationPath, parse_derivation_path
from node.vault.redacted import REDACTED, BytesLike, SecretBytes, Wipeable

MIN_SEED = 16
MAX_SEED = 64


class ExtendedKey(Wipeable):
    """A private key with the chain code that its children are derived with."""

    __slots__ = ("_chain_code", "_private_key", "path", "public_key")

    def __init__(self, private_key: BytesLike, chain_code: BytesLike, public_key: bytes, path: str) -> None:
        self._private_key = SecretBytes(private_key)
        self._chain_code = SecretBytes(chain_code)
        self.public_key = public_key
        self.path = path

    @property
    def private_key(self) -> memoryview:
        """32 bytes, of no use once this object is wiped. Raises SecretWiped."""
        return self._private_key.view()

    @property
    def chain_code(self) -> memoryview:
        """32 bytes, of no use once this object is wiped. Raises SecretWiped."""
        return self._chain_code.view()

    def wipe(self) -> None:
        self._private_key.wipe()
        self._chain_code.wipe()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(path={self.path}, private_key={REDACTED}, public_key={self.public_key.hex()})"


class ExtendedPrivKey(ExtendedKey):
    """An Ed25519 key: `private_key` is the 32-byte seed of RFC 8032, `public_key` its 32-byte public key."""

    __slots__ = ()


def derive_path_from_seed(seed: Seed | BytesLike, path: str | DerivationPath) -> ExtendedPrivKey:
    """The key at a path of hardened segments only, from a seed of 16 to 64 bytes.

    Raises InvalidPath, DerivationError.
    """
    try:
        parsed = path if isinstance(path, DerivationPath) else parse_derivation_path(path)
        node = ed25519_node(seed, parsed)
    except VaultError as error:
        del seed, path
        raise error.with_traceback(None) from None
    return ExtendedPrivKey(node[:KEY_SIZE], node[KEY_SIZE:], ed25519_public_key(node[:KEY_SIZE]), str(parsed))


def ed25519_node(seed: Seed | BytesLike, path: DerivationPath) -> bytes:
    """Private key and chain code, 32 bytes each. Every 32 bytes are a key: there is no range to check, no retry."""
    if not path.is_hardened:
        raise DerivationError("an Ed25519 key has hardened children only: put ' behind every number of the path")
    node = master_node(b"ed25519 seed", seed)
    for index in path.indices:
        child = b"\0" + node[:KEY_SIZE] + index.to_bytes(4, "big")
        node = hmac.digest(node[KEY_SIZE:], child, "sha512")
    return node


def master_node(curve: bytes, seed: Seed | BytesLike) -> bytes:
    """The 64 bytes at `m`: HMAC-SHA512 of the seed, keyed by the curve's name. Raises DerivationError."""
    secret = seed.as_bytes() if isinstance(seed, Seed) else seed
    if not MIN_SEED <= len(secret) <= MAX_SEED:
        raise DerivationError(f"a seed has {MIN_SEED} to {MAX_SEED} bytes")
    return hmac.digest(curve, secret, "sha512")


def ed25519_public_key(private_key: BytesLike) -> bytes:
    """The 32 bytes of the public key (RFC 8032 §5.1.5)."""
    return Ed25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()
