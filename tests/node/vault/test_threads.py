"""One vault among many threads: whoever is in turn sees it whole."""

import threading
from collections.abc import Callable

from node.vault import PATHS, AlreadyUnlocked, CacheConfig, VaultLocked, VaultService
from tests.support.vault_vectors import PHRASE, own_paths

IDENTITY = own_paths("ed25519")[0]
THREADS = 8


def run(works: list[Callable[[], None]]) -> None:
    """Run all at once, and raise what one of them raised."""
    errors: list[BaseException] = []
    start = threading.Barrier(len(works))

    def guarded(work: Callable[[], None]) -> None:
        start.wait()
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised below, in the thread of the test
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_keys_are_right_or_refused_while_another_thread_locks_and_unlocks() -> None:
    vault, done = VaultService(CacheConfig(max_entries=2)), threading.Event()
    counts = {"derived": 0, "sealed": 0, "refused": 0}
    lock = threading.Lock()

    def count(what: str) -> None:
        with lock:
            counts[what] += 1

    def use(number: int) -> None:
        while not done.is_set():
            try:
                key = vault.derive_ed25519(PATHS.IDENTITY)
                assert key.private_key == IDENTITY.private_key
                assert key.public_key == IDENTITY.public_key
                count("derived")
                assert vault.decrypt(vault.encrypt(f"text {number}", 2 + number)) == f"text {number}"
                count("sealed")
            except VaultLocked:
                count("refused")

    def switch() -> None:
        try:
            while min(counts.values()) < 200:
                vault.unlock(PHRASE)
                vault.lock()
        finally:
            done.set()

    run([*(lambda number=number: use(number) for number in range(THREADS)), switch])
    assert not vault.is_unlocked()
    assert len(vault._cache) == 0


def test_of_many_threads_that_unlock_one_succeeds() -> None:
    vault, won, lost = VaultService(), [], []

    def unlock() -> None:
        try:
            won.append(vault.unlock_new(12))
        except AlreadyUnlocked:
            lost.append(None)

    run([unlock] * THREADS)
    assert (len(won), len(lost)) == (1, THREADS - 1)
    check = VaultService()
    check.unlock(won[0])
    assert check.derive_ed25519("m").public_key == vault.derive_ed25519("m").public_key


def test_nonces_of_many_threads_are_all_different() -> None:
    vault, nonces = VaultService(), set()
    vault.unlock(PHRASE)
    run([lambda: nonces.update(vault.encrypt("").iv for _ in range(500))] * THREADS)
    assert len(nonces) == 500 * THREADS
