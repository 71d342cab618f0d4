"""Derived keys kept for a while, and wiped on every way out (spec vault §12)."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.vault.encryption import cipher_for
from node.vault.keys import KeyType
from node.vault.redacted import BytesLike, Redacted, SecretMemory


@dataclass(frozen=True, slots=True)
class CacheConfig:
    """How long a key is kept from its derivation on, in seconds, and how many are. Zero of either: none is kept."""

    ttl: float = 3600.0
    max_entries: int = 64

    def __post_init__(self) -> None:
        if not self.ttl >= 0 or self.max_entries < 0:
            raise ValueError("the time and the number of kept keys cannot be negative")

    @property
    def keeps(self) -> bool:
        """Whether any key outlives the operation that needed it."""
        return self.ttl > 0 and self.max_entries > 0


class CachedKey(Redacted):
    """The cache's own copy of one key. Usable only until the cache is touched again."""

    __slots__ = ("_cipher", "derived_at", "private", "public")

    def __init__(self, private: BytesLike, public: bytes, derived_at: float) -> None:
        self.private = SecretMemory(private)
        self.public = public
        self.derived_at = derived_at
        self._cipher: AESGCM | None = None

    def cipher(self) -> AESGCM:
        """AES-256-GCM under this key, made at the first call."""
        if self._cipher is None:
            self._cipher = cipher_for(self.private)
        return self._cipher

    def wipe(self) -> None:
        """Overwrite the private bytes, and let go of the cipher, whose copy OpenSSL then clears."""
        self.private.wipe()
        self._cipher = None


class KeyCache(Redacted):
    """Keys by type and canonical path, least recently used first. Not thread-safe: its owner holds a lock."""

    __slots__ = ("_clock", "_entries", "_limit", "_oldest", "_ttl")

    def __init__(self, config: CacheConfig, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds and never goes back."""
        self._ttl = config.ttl
        self._limit = max(1, config.max_entries)  # a key lasts at least as long as its use
        self._clock = clock
        self._entries: OrderedDict[tuple[KeyType, str], CachedKey] = OrderedDict()
        # No entry is older than this, so most sweeps end at one comparison.
        self._oldest = math.inf

    def get(self, key_type: KeyType, path: str) -> CachedKey | None:
        """The key, which thereby becomes the most recently used. Its age still counts from its derivation."""
        if self._clock() - self._oldest > self._ttl:
            self.evict_expired()
        name = (key_type, path)
        entry = self._entries.get(name)
        if entry is not None:
            self._entries.move_to_end(name)
        return entry

    def put(self, key_type: KeyType, path: str, private: BytesLike, public: bytes) -> CachedKey:
        """Keep a copy in place of what was there, and make room where there is none."""
        self.evict_expired()
        entry = CachedKey(private, public, self._clock())
        self._drop((key_type, path))
        while len(self._entries) >= self._limit:
            self._drop(next(iter(self._entries)))
        self._entries[key_type, path] = entry
        self._oldest = min(self._oldest, entry.derived_at)
        return entry

    def evict_expired(self) -> None:
        """Drop every key whose time is over."""
        now = self._clock()
        if now - self._oldest <= self._ttl:
            return
        for name in [name for name, entry in self._entries.items() if now - entry.derived_at > self._ttl]:
            self._drop(name)
        self._oldest = min((entry.derived_at for entry in self._entries.values()), default=math.inf)

    def clear(self) -> None:
        """Drop all keys."""
        for name in list(self._entries):
            self._drop(name)
        self._oldest = math.inf

    def __len__(self) -> int:
        return len(self._entries)

    def _drop(self, name: tuple[KeyType, str]) -> None:
        entry = self._entries.pop(name, None)
        if entry is not None:
            entry.wipe()
