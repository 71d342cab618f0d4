"""The vault: locked, or holding the seed of one recovery phrase (spec vault §8).

A plain object that is called directly by whoever assembles the node. It reads no file, opens no socket, and is known to
no registry of operations; nothing that a peer sends gets here.
"""

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from node.vault.blob import EncryptedData
from node.vault.cache import CacheConfig, CachedKey, KeyCache
from node.vault.constants import CURRENT_KEY_VERSION, KEY_SIZE
from node.vault.derivation import derive_path_from_seed, ed25519_node
from node.vault.encryption import seal, unseal
from node.vault.errors import AlreadyUnlocked, UnsupportedKeyType, VaultError, VaultLocked
from node.vault.keys import DerivedKey, KeyType
from node.vault.mnemonic import Mnemonic, Seed
from node.vault.paths import encryption_path_for_version, parse_derivation_path
from node.vault.redacted import Redacted, SecretString, revealed
from node.vault.secp256k1 import derive_secp256k1_path

_SEALING = KeyType.Aes256Gcm  # looked up here, since each look into an enum costs as much as the lock


class VaultService(Redacted):
    """One vault, shared by handing this object on. Thread-safe: operations take turns. Starts locked.

    Errors leave with the traceback of this file only: the frames below hold keys and texts, and tracebacks get logged.
    """

    __slots__ = ("__weakref__", "_cache", "_enable_secp256k1", "_keeps", "_lock", "_seed")

    def __init__(
        self,
        cache_config: CacheConfig | None = None,
        *,
        enable_secp256k1: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lock = threading.RLock()
        self._seed: Seed | None = None
        config = cache_config or CacheConfig()
        self._keeps = config.keeps
        self._cache = KeyCache(config, clock)
        self._enable_secp256k1 = enable_secp256k1

    def unlock(self, phrase: str | SecretString, passphrase: str | SecretString | None = None) -> None:
        """Derive the seed. Raises AlreadyUnlocked, MnemonicError; after an error the vault is as it was."""
        try:
            with self._lock:
                self._require_locked()
                with Mnemonic.from_phrase(phrase) as mnemonic:
                    self._take(mnemonic.to_seed(passphrase))
        except VaultError as error:
            del phrase, passphrase
            raise error.with_traceback(None) from None

    def unlock_new(self, word_count: int = 24, passphrase: str | SecretString | None = None) -> SecretString:
        """Unlock with a fresh phrase and return it: nobody has it but the caller. Raises as `unlock`."""
        try:
            with self._lock:
                self._require_locked()
                mnemonic = Mnemonic.generate(word_count)
                self._take(mnemonic.to_seed(passphrase))
                return mnemonic.phrase
        except VaultError as error:
            del passphrase
            raise error.with_traceback(None) from None

    def lock(self) -> None:
        """Wipe seed and keys. Quiet if it is locked. Keys and texts handed out before are out of its reach."""
        with self._lock:
            self._cache.clear()
            seed, self._seed = self._seed, None
            if seed is not None:
                seed.wipe()

    close = lock

    def is_unlocked(self) -> bool:
        """Whether the seed is here."""
        return self._seed is not None

    def evict_expired(self) -> None:
        """Wipe cached keys whose time is over. Each operation does so too; a timer may, for a vault that rests."""
        with self._lock:
            self._cache.evict_expired()

    def derive_ed25519(self, path: str) -> DerivedKey:
        """The key at a hardened path. Raises VaultLocked, InvalidPath, DerivationError."""
        return self._derived(KeyType.Ed25519, path)

    def derive_encryption_key(self, path: str) -> DerivedKey:
        """The 32 bytes at a hardened path as an AES key, without a public half. Raises as `derive_ed25519`."""
        return self._derived(_SEALING, path)

    def derive_encryption_key_for_version(self, key_version: int) -> DerivedKey:
        """The key that seals blobs of this version. Raises InvalidPath, VaultLocked."""
        return self._derived(_SEALING, encryption_path_for_version(key_version))

    def derive_ethereum_key(self, path: str) -> DerivedKey:
        """The secp256k1 key at any path. Raises UnsupportedKeyType, VaultLocked, InvalidPath, DerivationError."""
        if not self._enable_secp256k1:
            raise UnsupportedKeyType("secp256k1 keys are switched off")
        return self._derived(KeyType.Secp256k1, path)

    def encrypt(self, plaintext: str | SecretString, key_version: int = CURRENT_KEY_VERSION) -> EncryptedData:
        """Seal a text. Raises InvalidPath (of the version), VaultLocked, EncryptionError."""
        try:
            path = encryption_path_for_version(key_version)
            with self._lock:
                key = self._cache.get(_SEALING, path) or self._fresh(_SEALING, path)
                try:
                    return seal(key.cipher(), key_version, revealed(plaintext))
                finally:
                    if not self._keeps:
                        self._cache.clear()
        except VaultError as error:
            del plaintext
            raise error.with_traceback(None) from None

    def decrypt(self, blob: EncryptedData) -> str:
        """Open a blob by its version. Raises InvalidPath (of the version), VaultLocked, EncryptionError."""
        try:
            path = encryption_path_for_version(blob.key_version)
            with self._lock:
                key = self._cache.get(_SEALING, path) or self._fresh(_SEALING, path)
                try:
                    return unseal(key.cipher(), blob)
                finally:
                    if not self._keeps:
                        self._cache.clear()
        except VaultError as error:
            raise error.with_traceback(None) from None

    def rotate(self, blob: EncryptedData, to_version: int) -> EncryptedData:
        """The same text sealed under another version, or anew under the same. `blob` stays valid.

        Raises as `decrypt`, then as `encrypt`.
        """
        with self._lock:
            return self.encrypt(self.decrypt(blob), to_version)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.lock()

    def __del__(self, is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        # At the interpreter's end this module may be half gone, and the memory goes with the process anyway.
        if not is_finalizing() and hasattr(self, "_enable_secp256k1"):  # without that it was never whole
            self.lock()

    def __repr__(self) -> str:
        return f"VaultService({'unlocked' if self.is_unlocked() else 'locked'})"

    def _require_locked(self) -> None:
        if self._seed is not None:
            raise AlreadyUnlocked

    def _take(self, seed: Seed) -> None:
        self._cache.clear()
        self._seed = seed

    def _derived(self, key_type: KeyType, path: str) -> DerivedKey:
        try:
            with self._lock:
                if self._seed is None:
                    raise VaultLocked
                canonical = str(parse_derivation_path(path))
                key = self._cache.get(key_type, canonical) or self._fresh(key_type, canonical)
                try:
                    return DerivedKey(key_type, key.private, key.public)
                finally:
                    if not self._keeps:
                        self._cache.clear()
        except VaultError as error:
            del path
            raise error.with_traceback(None) from None

    def _fresh(self, key_type: KeyType, path: str) -> CachedKey:
        """Derive the key at a canonical path and put it into the cache. Raises VaultLocked, DerivationError.

        A locked vault gets here too, since its cache is empty.
        """
        if self._seed is None:
            raise VaultLocked
        if key_type is _SEALING:
            node = ed25519_node(self._seed, parse_derivation_path(path))
            return self._cache.put(key_type, path, node[:KEY_SIZE], b"")
        derive = derive_secp256k1_path if key_type is KeyType.Secp256k1 else derive_path_from_seed
        with derive(self._seed, path) as key:
            return self._cache.put(key_type, path, key.private_key, key.public_key)
