"""Keys in the cache: which one is there, and that each is zeros once it is not."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from node.vault import PATHS, CacheConfig, KeyType, VaultService
from node.vault.cache import CachedKey, KeyCache
from tests.support.own_memory import mask, occurrences
from tests.support.vault_vectors import PHRASE

ROOT = Path(__file__).parents[3]
ED, AES = KeyType.Ed25519, KeyType.Aes256Gcm


class Clock:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def put(cache: KeyCache, name: str, key_type: KeyType = ED) -> bytearray:
    """Put a key that is not zeros, and return the cache's own bytes of it."""
    return cache.put(key_type, name, b"\xaa" * 32, b"public").private


def names(cache: KeyCache) -> list[str]:
    return [path for _, path in cache._entries]


ZEROS = bytearray(32)


def test_a_key_is_kept_for_its_time_from_its_derivation_on() -> None:
    clock = Clock()
    cache = KeyCache(CacheConfig(ttl=60), clock)
    held = put(cache, "a")
    for clock.now in (1001.0, 1059.0, 1060.0):
        assert cache.get(ED, "a").private is held
    clock.now = 1060.001
    assert cache.get(ED, "a") is None
    assert (len(cache), held) == (0, ZEROS)


def test_the_least_recently_used_goes_first() -> None:
    cache = KeyCache(CacheConfig(max_entries=3), Clock())
    held = {name: put(cache, name) for name in "abc"}
    cache.get(ED, "a")
    put(cache, "d")
    assert names(cache) == ["c", "a", "d"]
    assert held["b"] == ZEROS
    assert held["a"] != ZEROS != held["c"]


def test_a_replaced_key_is_wiped_and_its_successor_is_the_most_recent() -> None:
    clock = Clock()
    cache = KeyCache(CacheConfig(ttl=60), clock)
    old = put(cache, "a")
    put(cache, "b")
    clock.now = 1030.0
    new = put(cache, "a")
    assert (old, names(cache)) == (ZEROS, ["b", "a"])
    clock.now = 1075.0
    assert cache.get(ED, "a").private is new
    assert cache.get(ED, "b") is None


def test_a_replacement_needs_no_room() -> None:
    cache = KeyCache(CacheConfig(max_entries=2), Clock())
    put(cache, "a")
    put(cache, "b")
    put(cache, "a")
    assert names(cache) == ["b", "a"]


def test_clearing_wipes_all() -> None:
    cache = KeyCache(CacheConfig(), Clock())
    held = [put(cache, name) for name in "abc"]
    cache.clear()
    cache.clear()
    assert (len(cache), held) == (0, [ZEROS] * 3)


def test_a_sweep_takes_what_is_over_and_leaves_the_fresh() -> None:
    clock = Clock()
    cache = KeyCache(CacheConfig(ttl=60), clock)
    old, clock.now = put(cache, "old"), 1050.0
    fresh, clock.now = put(cache, "fresh"), 1070.0
    cache.evict_expired()
    assert names(cache) == ["fresh"]
    assert old == ZEROS != fresh
    clock.now = 1111.0
    cache.evict_expired()
    assert (len(cache), fresh) == (0, ZEROS)


def test_every_use_sweeps_the_others_too() -> None:
    clock = Clock()
    vault = VaultService(CacheConfig(ttl=60), clock=clock)
    vault.unlock(PHRASE)
    vault.derive_ed25519(PATHS.SSH_HOST)
    [held] = [entry.private for entry in vault._cache._entries.values()]
    clock.now += 61
    vault.encrypt("text")
    assert (len(vault._cache), held) == (1, ZEROS)
    clock.now += 61
    vault.evict_expired()
    assert len(vault._cache) == 0


def test_a_second_derivation_comes_from_the_cache() -> None:
    vault = VaultService()
    vault.unlock(PHRASE)
    for _ in range(3):
        vault.derive_ed25519(PATHS.IDENTITY)
        vault.encrypt("text")
    assert len(vault._cache) == 2


def test_locking_wipes_seed_and_keys() -> None:
    vault = VaultService()
    vault.unlock(PHRASE)
    vault.encrypt("text", 3)
    vault.derive_ed25519(PATHS.IDENTITY)
    held = [vault._seed._secret._bytes, *(entry.private for entry in vault._cache._entries.values())]
    assert [len(part) for part in held] == [64, 32, 32]
    assert all(any(part) for part in held)
    vault.lock()
    assert not any(any(part) for part in held)


def test_a_vault_that_is_forgotten_wipes_what_it_held() -> None:
    vault = VaultService()
    vault.unlock(PHRASE)
    vault.encrypt("text")
    held = [vault._seed._secret._bytes, *(entry.private for entry in vault._cache._entries.values())]
    del vault
    gc.collect()
    assert not any(any(part) for part in held)


def test_a_cache_without_room_holds_a_key_for_one_use_only() -> None:
    cache = KeyCache(CacheConfig(max_entries=0), Clock())
    first = put(cache, "a")
    assert first != ZEROS
    put(cache, "b")
    assert (names(cache), first) == (["b"], ZEROS)


@pytest.mark.parametrize("values", [{"ttl": -1.0}, {"ttl": float("nan")}, {"max_entries": -1}])
def test_nonsense_is_no_configuration(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="negative"):
        CacheConfig(**values)


def test_endless_time_is_allowed() -> None:
    clock = Clock()
    cache = KeyCache(CacheConfig(ttl=float("inf")), clock)
    put(cache, "a")
    clock.now = 1e12
    assert cache.get(ED, "a") is not None


@pytest.mark.skipif(sys.platform != "linux", reason="reads its own memory as Linux shows it")
def test_no_copy_of_a_key_is_left_in_the_cipher() -> None:
    masked = mask(os.urandom(32))
    entry = CachedKey(bytearray(mask(masked)), b"", 0.0)
    before = occurrences(masked)
    entry.cipher().encrypt(bytes(12), b"text", None)
    assert occurrences(masked) > before
    entry.wipe()
    assert occurrences(masked) < before


class CacheMachine(RuleBasedStateMachine):
    """The cache against a list that is kept as the specification tells it, however slow."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.cache = KeyCache(CacheConfig(ttl=10, max_entries=3), self.clock)
        self.kept: list[tuple[KeyType, str, float, bytearray]] = []
        self.dropped: list[bytearray] = []

    def drop(self, index: int) -> None:
        self.dropped.append(self.kept.pop(index)[3])

    def sweep(self) -> None:
        for index in reversed(range(len(self.kept))):
            if self.clock.now - self.kept[index][2] > 10:
                self.drop(index)

    def find(self, key_type: KeyType, name: str) -> int | None:
        return next((index for index, kept in enumerate(self.kept) if kept[:2] == (key_type, name)), None)

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.0, 9.9, 10.0, 10.1]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(key_type=st.sampled_from([ED, AES]), name=st.sampled_from("abc"))
    def put(self, key_type: KeyType, name: str) -> None:
        self.sweep()
        index = self.find(key_type, name)
        if index is not None:
            self.drop(index)
        elif len(self.kept) == 3:
            self.drop(0)
        self.kept.append((key_type, name, self.clock.now, put(self.cache, name, key_type)))

    @rule(key_type=st.sampled_from([ED, AES]), name=st.sampled_from("abc"))
    def get(self, key_type: KeyType, name: str) -> None:
        self.sweep()
        index = self.find(key_type, name)
        found = self.cache.get(key_type, name)
        if index is None:
            assert found is None
        else:
            self.kept.append(self.kept.pop(index))
            assert found.private is self.kept[-1][3]

    @rule()
    def evict(self) -> None:
        self.sweep()
        self.cache.evict_expired()

    @rule()
    def clear(self) -> None:
        while self.kept:
            self.drop(0)
        self.cache.clear()

    @invariant()
    def the_same_keys_in_the_same_order(self) -> None:
        assert [kept[:2] for kept in self.kept if self.clock.now - kept[2] <= 10] == [
            name for name, entry in self.cache._entries.items() if self.clock.now - entry.derived_at <= 10
        ]
        assert all(any(kept[3]) for kept in self.kept)
        assert not any(any(dropped) for dropped in self.dropped)


TestCacheMachine = CacheMachine.TestCase


@given(st.lists(st.integers(2, 200), max_size=100))
def test_the_cache_of_a_vault_never_grows_beyond_its_limit(versions: list[int]) -> None:
    VERSIONS.lock()
    VERSIONS.unlock(PHRASE)
    for version in versions:
        VERSIONS.derive_encryption_key_for_version(version)
        assert len(VERSIONS._cache) <= 8
    assert len(VERSIONS._cache) == min(8, len(set(versions)))


VERSIONS = VaultService(CacheConfig(max_entries=8))


LAST_OUT = f"""
import ctypes, sys, types
holder = sys.modules["holder"] = types.ModuleType("holder")
import node.vault.cache
holder.kept = [node.vault.cache, node.vault.VaultService()]
holder.kept[1].unlock({PHRASE!r})
holder.kept[1].encrypt("text")
ctypes.pythonapi.Py_IncRef(ctypes.py_object(holder))  # so it outlives the modules that were imported after it
"""


def test_a_vault_that_outlives_its_own_modules_says_nothing_of_it() -> None:
    done = subprocess.run([sys.executable, "-c", LAST_OUT], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
