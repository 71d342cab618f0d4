import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from slip10 import SLIP10

from node.vault import DerivationError, InvalidPath, SecretWiped, derive_path_from_seed, derive_secp256k1_path
from tests.support.vault_vectors import PathVector, bip39_vectors, own_paths, slip10_vectors

HARD = 2**31
ED25519 = [*slip10_vectors("ed25519"), *own_paths("ed25519")]
SECP256K1 = [*slip10_vectors("secp256k1"), *own_paths("secp256k1")]


def name(vector: PathVector) -> str:
    return f"{vector.seed[:2].hex()}-{vector.path}"


def test_all_published_vectors_are_here() -> None:
    assert (len(ED25519), len(SECP256K1)) == (12 + 5, 12 + 1)


@pytest.mark.parametrize("vector", ED25519, ids=name)
def test_ed25519_vectors(vector: PathVector) -> None:
    key = derive_path_from_seed(vector.seed, vector.path)
    assert key.private_key == vector.private_key
    assert key.public_key == vector.public_key
    assert key.chain_code == vector.chain_code
    assert key.path == vector.path


@pytest.mark.parametrize("vector", SECP256K1, ids=name)
def test_secp256k1_vectors(vector: PathVector) -> None:
    key = derive_secp256k1_path(vector.seed, vector.path)
    assert key.private_key == vector.private_key
    assert key.public_key == vector.public_key
    assert key.chain_code == vector.chain_code


def test_an_ethereum_key_of_a_short_seed() -> None:
    key = derive_secp256k1_path(bytes(range(16)), "m/44'/60'/0'/0/0")
    assert key.private_key.hex() == "e22f5526ce620ec69441c3453d7a0acbc26c3fc7543023f338123fd45c7d44b3"
    assert key.public_key.hex() == "03844a5d329470697de9926c9c98839ea33b6dd9507a896194ae2b91d71faa16d6"


def test_masters_of_all_published_phrases() -> None:
    for vector in bip39_vectors():
        key = derive_secp256k1_path(vector.seed, "m")
        assert (key.private_key, key.chain_code) == (vector.private_key, vector.chain_code)


def test_another_implementation_agrees_on_ten_thousand_random_paths() -> None:
    chance = random.Random(74)
    for _ in range(100):
        seed = chance.randbytes(chance.randint(16, 64))
        other = SLIP10.from_seed(seed, curve_name="ed25519")
        for _ in range(100):
            indices = [chance.randrange(HARD) for _ in range(chance.randint(0, 5))]
            path = "m" + "".join(f"/{index}'" for index in indices)
            ours = derive_path_from_seed(seed, path)
            chain_code, private_key = other.get_extended_privkey_from_path([HARD + index for index in indices])
            assert (ours.private_key, ours.chain_code) == (private_key, chain_code), path


def test_another_implementation_agrees_on_the_other_curve() -> None:
    chance = random.Random(60)
    for _ in range(100):
        seed = chance.randbytes(chance.randint(16, 64))
        other = SLIP10.from_seed(seed, curve_name="secp256k1")
        indices = [chance.randrange(2 * HARD) for _ in range(chance.randint(0, 5))]
        path = "m" + "".join(f"/{index - HARD}'" if index >= HARD else f"/{index}" for index in indices)
        ours = derive_secp256k1_path(seed, path)
        chain_code, private_key = other.get_extended_privkey_from_path(indices)
        assert (ours.private_key, ours.chain_code) == (private_key, chain_code), path
        assert ours.public_key == other.get_pubkey_from_path(indices)


def test_the_private_key_signs_for_the_public_key() -> None:
    key = derive_path_from_seed(bytes(64), "m/74'/0'/0'/0'")
    signing = Ed25519PrivateKey.from_private_bytes(key.private_key)
    assert signing.public_key().public_bytes_raw() == key.public_key


@pytest.mark.parametrize("path", ["m/0", "m/74'/0'/0'/0", "m/0/0'"])
def test_ed25519_refuses_paths_that_are_not_hardened(path: str) -> None:
    with pytest.raises(DerivationError, match="hardened"):
        derive_path_from_seed(bytes(64), path)


@pytest.mark.parametrize("derive", [derive_path_from_seed, derive_secp256k1_path])
def test_seeds_and_paths_are_checked(derive: type[PathVector]) -> None:
    for size in (0, 15, 65):
        with pytest.raises(DerivationError, match="16 to 64 bytes"):
            derive(bytes(size), "m/0'")
    with pytest.raises(InvalidPath):
        derive(bytes(64), "m/")


@pytest.mark.parametrize("derive", [derive_path_from_seed, derive_secp256k1_path])
def test_an_extended_key_is_wiped(derive: type[PathVector]) -> None:
    with derive(bytes(64), "m/0'") as key:
        held = [key._private_key._bytes, key._chain_code._bytes]
        assert all(any(part) for part in held)
    assert held == [bytearray(32)] * 2
    for part in ("private_key", "chain_code"):
        with pytest.raises(SecretWiped):
            getattr(key, part)


def test_a_scalar_out_of_range_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    answers = {"master": 5, "child": 0}

    def digest(key: bytes, message: bytes, algorithm: str) -> bytes:
        return answers["master" if key == b"Bitcoin seed" else "child"].to_bytes(32, "big") + bytes(32)

    monkeypatch.setattr("hmac.digest", digest)
    assert int.from_bytes(derive_secp256k1_path(bytes(64), "m/7").private_key, "big") == 5
    masters = [(0, 1, "m"), (order, 1, "m")]
    children = [(5, order - 5, "m/0'"), (5, order, "m/0"), (5, 2**256 - 1, "m/0")]
    for master, child, path in masters + children:
        answers.update(master=master, child=child)
        with pytest.raises(DerivationError, match="next index"):
            derive_secp256k1_path(bytes(64), path)
