"""Keys on the curve secp256k1 along any path: BIP-32 (spec vault §7). Not needed by the node itself."""

import hmac

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from node.vault.constants import HARDENED, KEY_SIZE, SECP256K1_ORDER
from node.vault.derivation import ExtendedKey, master_node
from node.vault.errors import DerivationError, VaultError
from node.vault.mnemonic import Seed
from node.vault.paths import DerivationPath, parse_derivation_path
from node.vault.redacted import BytesLike


class Secp256k1ExtendedPrivKey(ExtendedKey):
    """A secp256k1 key: `private_key` is the scalar, 32 bytes big-endian, `public_key` the point, 33 bytes."""

    __slots__ = ()


def derive_secp256k1_path(seed: Seed | BytesLike, path: str | DerivationPath) -> Secp256k1ExtendedPrivKey:
    """The key at a path, from a seed of 16 to 64 bytes. Raises InvalidPath, DerivationError.

    About one index in 2^127 has no key; the caller then takes the next one, as BIP-32 says.
    """
    try:
        parsed = path if isinstance(path, DerivationPath) else parse_derivation_path(path)
        key, chain_code = _secp256k1_node(seed, parsed)
    except VaultError as error:
        del seed, path
        raise error.with_traceback(None) from None
    return Secp256k1ExtendedPrivKey(key.to_bytes(KEY_SIZE, "big"), chain_code, _public_key(key), str(parsed))


def _secp256k1_node(seed: Seed | BytesLike, path: DerivationPath) -> tuple[int, bytes]:
    """Private key and chain code."""
    node = master_node(b"Bitcoin seed", seed)
    key, chain_code = _scalar(node, 0), node[KEY_SIZE:]
    for index in path.indices:
        node = hmac.digest(chain_code, _child_data(key, index), "sha512")
        key, chain_code = _scalar(node, key), node[KEY_SIZE:]
    return key, chain_code


def _scalar(node: bytes, parent: int) -> int:
    tweak = int.from_bytes(node[:KEY_SIZE], "big")
    key = (tweak + parent) % SECP256K1_ORDER
    if tweak >= SECP256K1_ORDER or key == 0:
        raise DerivationError("there is no secp256k1 key at this path; take the next index")
    return key


def _child_data(key: int, index: int) -> bytes:
    parent = b"\0" + key.to_bytes(KEY_SIZE, "big") if index >= HARDENED else _public_key(key)
    return parent + index.to_bytes(4, "big")


def _public_key(key: int) -> bytes:
    point = ec.derive_private_key(key, ec.SECP256K1()).public_key()
    return point.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
