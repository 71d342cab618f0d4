import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.vault import (
    PATHS,
    AlreadyUnlocked,
    CacheConfig,
    DerivationError,
    InvalidPath,
    KeyType,
    MnemonicError,
    SecretString,
    UnsupportedKeyType,
    VaultLocked,
    VaultService,
    derive_path_from_seed,
    derive_secp256k1_path,
)
from node.vault import service as service_module
from tests.support.vault_vectors import PHRASE, PathVector, own_paths

OTHER = "legal winner thank year wave sausage worth useful legal winner thank yellow"


@pytest.fixture
def vault() -> VaultService:
    service = VaultService(enable_secp256k1=True)
    service.unlock(PHRASE)
    return service


def identity(service: VaultService) -> bytes:
    return bytes(service.derive_ed25519(PATHS.IDENTITY).private_key)


def test_a_vault_starts_locked_and_does_nothing_then(vault: VaultService) -> None:
    blob, locked = vault.encrypt("text"), VaultService(enable_secp256k1=True)
    assert not locked.is_unlocked()
    for operation in (
        lambda: locked.derive_ed25519(PATHS.IDENTITY),
        lambda: locked.derive_encryption_key(PATHS.ENCRYPTION),
        lambda: locked.derive_encryption_key_for_version(2),
        lambda: locked.derive_ethereum_key(PATHS.ETHEREUM),
        lambda: locked.encrypt("text"),
        lambda: locked.decrypt(blob),
        lambda: locked.rotate(blob, 3),
    ):
        with pytest.raises(VaultLocked):
            operation()


def test_errors_come_in_their_order() -> None:
    locked = VaultService()
    with pytest.raises(UnsupportedKeyType):
        locked.derive_ethereum_key("no path")
    with pytest.raises(VaultLocked):
        locked.derive_ed25519("no path")
    with pytest.raises(VaultLocked):
        locked.derive_encryption_key("no path")
    for operation in (locked.derive_encryption_key_for_version, lambda version: locked.encrypt("\udcff", version)):
        with pytest.raises(InvalidPath):
            operation(1)
        with pytest.raises(VaultLocked):
            operation(2)


def test_unlocking_twice_is_an_error_and_changes_nothing(vault: VaultService) -> None:
    before = identity(vault)
    for again in (lambda: vault.unlock(OTHER), lambda: vault.unlock("nonsense"), vault.unlock_new, vault.unlock_new):
        with pytest.raises(AlreadyUnlocked):
            again()
    with pytest.raises(AlreadyUnlocked):
        vault.unlock_new(13)
    assert identity(vault) == before


def test_locking_twice_is_quiet(vault: VaultService) -> None:
    vault.lock()
    vault.lock()
    VaultService().lock()
    assert not vault.is_unlocked()


def test_the_same_phrase_gives_the_same_keys_again(vault: VaultService) -> None:
    before, blob = identity(vault), vault.encrypt("text")
    vault.lock()
    vault.unlock(f" {PHRASE.upper()}\n", "")
    assert identity(vault) == before
    assert vault.decrypt(blob) == "text"


def test_no_key_of_the_last_phrase_is_left_for_the_next(vault: VaultService) -> None:
    before = identity(vault)
    vault.lock()
    vault.unlock(OTHER)
    assert identity(vault) != before


@pytest.mark.parametrize("phrase", ["", "abandon " * 12, "nonsense " * 12, PHRASE + " about"])
def test_a_wrong_phrase_leaves_it_locked(phrase: str) -> None:
    service = VaultService()
    with pytest.raises(MnemonicError):
        service.unlock(phrase)
    with pytest.raises(MnemonicError):
        service.unlock(PHRASE, "\udcff")
    assert not service.is_unlocked()
    service.unlock(PHRASE)
    assert service.is_unlocked()


def test_a_passphrase_makes_other_keys() -> None:
    keys = []
    for passphrase in (None, "", "25th word", SecretString("25th word")):
        with VaultService() as service:
            service.unlock(SecretString(PHRASE), passphrase)
            keys.append(identity(service))
        assert not service.is_unlocked()
    assert keys[0] == keys[1] != keys[2] == keys[3]


@pytest.mark.parametrize("passphrase", [None, "25th word"])
def test_a_new_phrase_is_handed_out_once_and_restores_the_vault(passphrase: str | None) -> None:
    service, restored = VaultService(), VaultService()
    phrase = service.unlock_new(15, passphrase)
    assert len(phrase.reveal().split()) == 15
    restored.unlock(phrase, passphrase)
    assert identity(service) == identity(restored)


def test_a_count_that_no_phrase_has_leaves_it_locked() -> None:
    service = VaultService()
    with pytest.raises(MnemonicError):
        service.unlock_new(13)
    assert not service.is_unlocked()


@pytest.mark.parametrize("vector", own_paths("ed25519"), ids=lambda vector: vector.path)
def test_what_the_service_derives_is_what_the_library_derives(vault: VaultService, vector: PathVector) -> None:
    key = vault.derive_ed25519(vector.path)
    assert (key.key_type, key.private_key, key.public_key) == (
        KeyType.Ed25519,
        vector.private_key,
        vector.public_key,
    )
    assert derive_path_from_seed(vector.seed, vector.path).private_key == key.private_key
    sealing = vault.derive_encryption_key(vector.path)
    assert (sealing.key_type, sealing.private_key, sealing.public_key) == (KeyType.Aes256Gcm, vector.private_key, b"")


def test_ethereum_keys_are_behind_their_switch(vault: VaultService) -> None:
    [vector] = own_paths("secp256k1")
    key = vault.derive_ethereum_key(vector.path)
    assert (key.key_type, key.private_key, key.public_key) == (
        KeyType.Secp256k1,
        vector.private_key,
        vector.public_key,
    )
    assert derive_secp256k1_path(vector.seed, vector.path).private_key == key.private_key
    off = VaultService()
    off.unlock(PHRASE)
    with pytest.raises(UnsupportedKeyType):
        off.derive_ethereum_key(vector.path)


def test_identity_host_key_and_sealing_keys_are_all_different(vault: VaultService) -> None:
    keys = [vault.derive_ed25519(path) for path in (PATHS.IDENTITY, PATHS.SSH_HOST)]
    keys += [vault.derive_encryption_key_for_version(version) for version in (2, 3, 4)]
    assert len({bytes(key.private_key) for key in keys}) == 5
    assert vault.derive_encryption_key(PATHS.ENCRYPTION).private_key == keys[2].private_key


def test_a_path_of_several_types_does_not_mix_them(vault: VaultService) -> None:
    path = "m/44'/60'/0'"
    for _ in range(2):
        plain, sealing, other = (
            vault.derive_ed25519(path),
            vault.derive_encryption_key(path),
            vault.derive_ethereum_key(path),
        )
        assert [len(key.public_key) for key in (plain, sealing, other)] == [32, 0, 33]
        assert plain.private_key == sealing.private_key != other.private_key
    assert len(vault._cache) == 3


def test_both_spellings_of_a_path_are_one_key_in_the_cache(vault: VaultService) -> None:
    assert vault.derive_ed25519("m/1'/2'").private_key == vault.derive_ed25519("m/1h/2h").private_key
    assert len(vault._cache) == 1


@pytest.mark.parametrize("path", ["m/0", "m/74'/0'/0'/0"])
def test_unhardened_paths_have_no_ed25519_key(vault: VaultService, path: str) -> None:
    for derive in (vault.derive_ed25519, vault.derive_encryption_key):
        with pytest.raises(DerivationError):
            derive(path)
        with pytest.raises(InvalidPath):
            derive("m/")


def test_each_key_handed_out_is_the_callers_own(vault: VaultService) -> None:
    one, two = vault.derive_ed25519(PATHS.IDENTITY), vault.derive_ed25519(PATHS.IDENTITY)
    one.wipe()
    vault.lock()
    assert two.private_key == own_paths("ed25519")[0].private_key
    assert Ed25519PrivateKey.from_private_bytes(two.private_key).public_key().public_bytes_raw() == two.public_key


def test_an_error_inside_leaves_the_vault_usable(vault: VaultService, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*arguments: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        for name in ("seal", "unseal", "derive_path_from_seed", "ed25519_node"):
            broken.setattr(service_module, name, breaks)
        for operation in (lambda: vault.encrypt("text", 9), lambda: vault.derive_ed25519(PATHS.SSH_HOST)):
            with pytest.raises(ZeroDivisionError):
                operation()
    assert vault.decrypt(vault.encrypt("text", 9)) == "text"
    assert vault.derive_ed25519(PATHS.SSH_HOST).private_key == own_paths("ed25519")[2].private_key


def test_an_error_while_it_unlocks_leaves_it_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    service = VaultService()
    with monkeypatch.context() as broken:
        broken.setattr(service_module.Mnemonic, "to_seed", lambda *_: 1 / 0)
        for unlock in (lambda: service.unlock(PHRASE), service.unlock_new):
            with pytest.raises(ZeroDivisionError):
                unlock()
    assert not service.is_unlocked()
    service.unlock(PHRASE)


@pytest.mark.parametrize("config", [CacheConfig(ttl=0), CacheConfig(max_entries=0)])
def test_a_vault_works_without_a_cache_and_keeps_no_key(config: CacheConfig) -> None:
    service = VaultService(config)
    service.unlock(PHRASE)
    assert service.decrypt(service.rotate(service.encrypt("text"), 3)) == "text"
    assert identity(service) == own_paths("ed25519")[0].private_key
    assert len(service._cache) == 0
