"""Vaults for tests: known words, quick passphrases, files where tests may put them."""

from functools import partial
from pathlib import Path

from node.core.paths import DataPaths
from node.custody import protection
from node.custody.custody import Custody
from node.custody.protection import ByKeyFile, ByPassphrase
from node.custody.record import PassphraseWrap, VaultRecord
from node.custody.sealing import Contents
from node.vault import SecretString

WORDS = "abandon " * 11 + "about"
"""The test mnemonic of the specification (spec vault §15)."""

OTHER_WORDS = "legal winner thank year wave sausage worth useful legal winner thank yellow"

IDENTITY = "ed25519:e78c2766a792f09bfccb51493968ac322283e8d021a30063784d806929762ecc"
"""What the test mnemonic gives at m/74'/0'/0'/0' (spec vault §15)."""

SSH_HOST = "ed25519:6a9dd5c41915fba6cc22b8760263aba45b068cae7bead1d069c7b8eeb0118134"
"""The same at m/74'/0'/1'/0'."""

PASSPHRASE = "correct horse battery"


QUICK_WRAP = partial(PassphraseWrap, memory_kib=1024, iterations=1, lanes=1)
"""A passphrase takes a thousandth of a second instead of a fifth of one; the file says so, and opens anywhere."""


def make_passphrases_quick() -> None:
    """In this process, for tests that need hundreds of them and none of their strength."""
    protection.PassphraseWrap = QUICK_WRAP  # type: ignore[misc,assignment]  # what is called is all the same


def write_words(place: Path) -> Path:
    """A file with the words, as a person gives them to a command."""
    return _file(place / "words", WORDS)


def write_passphrase(place: Path) -> Path:
    return _file(place / "passphrase", PASSPHRASE)


def _file(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def contents(words: str = WORDS, bip39_passphrase: str | None = None) -> Contents:
    return Contents(SecretString(words), None if bip39_passphrase is None else SecretString(bip39_passphrase))


def by_passphrase(passphrase: str = PASSPHRASE) -> ByPassphrase:
    return ByPassphrase(SecretString(passphrase))


def custody_at(data: Path, key_file: Path | None = None) -> Custody:
    return Custody(DataPaths(data), key_file)


def made(data: Path, words: str = WORDS) -> tuple[Custody, VaultRecord]:
    """A vault of these words with the usual key file."""
    custody = custody_at(data)
    return custody, custody.make(contents(words), ByKeyFile(data), shown=False)


def phrase_in(custody: Custody, passphrase: str | None = None) -> str:
    """The words that the vault at rest holds."""
    with custody.open(None if passphrase is None else SecretString(passphrase)) as opened:
        return opened.phrase.reveal()
