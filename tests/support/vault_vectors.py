"""The published vectors in tests/node/vault/vectors/, and the phrase that the appliance's own ones belong to."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "node" / "vault" / "vectors"

PHRASE = "abandon " * 11 + "about"


@dataclass(frozen=True, slots=True)
class Bip39Vector:
    """A phrase with its seed for the passphrase TREZOR, and the secp256k1 master key of that seed."""

    entropy: bytes
    words: str
    seed: bytes
    chain_code: bytes
    private_key: bytes


@dataclass(frozen=True, slots=True)
class PathVector:
    """A key at one path."""

    curve: str
    seed: bytes
    path: str
    chain_code: bytes
    private_key: bytes
    public_key: bytes


def bip39_vectors() -> list[Bip39Vector]:
    found = []
    for group in _groups("bip39.txt"):
        fields = dict(line.split(" ", 1) for line in group)
        chain_code, private_key = (bytes.fromhex(text) for text in fields["master"].split())
        entropy, seed = bytes.fromhex(fields["entropy"]), bytes.fromhex(fields["seed"])
        found.append(Bip39Vector(entropy, fields["words"], seed, chain_code, private_key))
    return found


def foreign_phrases() -> list[tuple[str, str, bytes]]:
    """Language, words, and the seed for the passphrase TREZOR."""
    found = []
    for language, *lines in _groups("bip39_languages.txt"):
        for line in lines:
            words, _, seed = line.partition(" = ")
            found.append((language, words, bytes.fromhex(seed)))
    return found


def slip10_vectors(curve: str) -> list[PathVector]:
    found = []
    for heading, *lines in _groups("slip10.txt"):
        name, seed = heading.split()
        for path, *keys in (line.split() for line in lines if name == curve):
            found.append(PathVector(name, bytes.fromhex(seed), path, *(bytes.fromhex(key) for key in keys)))
    return found


def own_paths(curve: str) -> list[PathVector]:
    """Keys of PHRASE without a passphrase."""
    seed = bytes.fromhex(
        "5eb00bbddcf069084889a8ab9155568165f5c453ccb85e70811aaed6f6da5fc1"
        "9a5ac40b389cd370d086206dec8aa6c43daea6690f20ad3d8d48b2d2ce9e38e4"
    )
    found = []
    for name, path, *keys in (line.split() for group in _groups("paths.txt") for line in group):
        private_key, public_key, chain_code = (bytes.fromhex(key) for key in keys)
        found.append(PathVector(name, seed, path, chain_code, private_key, public_key))
    return [vector for vector in found if vector.curve == curve]


def _groups(name: str) -> Iterator[list[str]]:
    """Lines of a file, divided at empty ones, without remarks."""
    for group in (FOLDER / name).read_text(encoding="utf-8").split("\n\n"):
        lines = [line for line in group.splitlines() if line and not line.startswith("#")]
        if lines:
            yield lines
