"""The vault: one recovery phrase, the keys derived from it, and texts sealed under them (spec vault).

A synchronous library. It imports nothing of the project, and of the project only what assembles the node imports it.
"""

from node.vault.blob import EncryptedData
from node.vault.cache import CacheConfig
from node.vault.constants import CURRENT_KEY_VERSION
from node.vault.derivation import ExtendedPrivKey, derive_path_from_seed
from node.vault.errors import (
    AlreadyUnlocked,
    DerivationError,
    EncryptionError,
    InvalidPath,
    MnemonicError,
    SecretWiped,
    UnsupportedKeyType,
    VaultError,
    VaultLocked,
    VaultSelfTestFailed,
)
from node.vault.keys import DerivedKey, EncryptionKey, KeyType
from node.vault.mnemonic import Language, Mnemonic, Seed
from node.vault.paths import (
    PATHS,
    DerivationPath,
    device_path,
    encryption_path_for_version,
    parse_derivation_path,
)
from node.vault.redacted import SecretString
from node.vault.secp256k1 import Secp256k1ExtendedPrivKey, derive_secp256k1_path
from node.vault.service import VaultService

__all__ = [
    "CURRENT_KEY_VERSION",
    "PATHS",
    "AlreadyUnlocked",
    "CacheConfig",
    "DerivationError",
    "DerivationPath",
    "DerivedKey",
    "EncryptedData",
    "EncryptionError",
    "EncryptionKey",
    "ExtendedPrivKey",
    "InvalidPath",
    "KeyType",
    "Language",
    "Mnemonic",
    "MnemonicError",
    "Secp256k1ExtendedPrivKey",
    "SecretString",
    "SecretWiped",
    "Seed",
    "UnsupportedKeyType",
    "VaultError",
    "VaultLocked",
    "VaultSelfTestFailed",
    "VaultService",
    "derive_path_from_seed",
    "derive_secp256k1_path",
    "device_path",
    "encryption_path_for_version",
    "parse_derivation_path",
]
