"""The vault's part in a restore: opening a sealed backup, and whether the vault in a backup can be opened here."""

from collections.abc import Callable
from pathlib import Path

from node.backup.errors import KeyNeeded
from node.backup.sealed import KEY_BYTES, Header
from node.cli.backup import KEY_TEXT
from node.cli.first_start import custody_of, unattended
from node.cli.options import EXIT_USAGE, fail
from node.cli.passphrases import passphrase_for
from node.cli.secrets_in import secret_from
from node.core.paths import DataPaths
from node.custody.custody import Custody, identity_of
from node.custody.errors import KeyUnavailable, PassphraseNeeded, WrongKey
from node.custody.sealing import Contents
from node.settings import Settings
from node.vault import EncryptedData, Mnemonic, VaultError, VaultService

Words = Contents


def read_words(words_file: Path | None, bip39_file: Path | None) -> Words | None:
    """The words that a person gives. Raises MnemonicError."""
    if words_file is None:
        if bip39_file is not None:
            fail("--bip39-passphrase-file goes with --words-file", EXIT_USAGE)
        return None
    if str(words_file) == str(bip39_file) == "-":
        fail("standard input can be read for one of the options only", EXIT_USAGE)
    bip39 = None if bip39_file is None else secret_from(bip39_file, "--bip39-passphrase-file")
    with secret_from(words_file, "--words-file") as text:
        return Contents(Mnemonic.from_phrase(text).phrase, bip39)


def key_opener(settings: Settings, words: Words | None, passphrase_file: Path | None) -> Callable[[Header], bytes]:
    """Opens the key of a sealed backup: by the words, or by the vault that is in the data directory."""

    def open_key(header: Header) -> bytes:
        if words is not None:
            return _opened_by(words, header, "these words")
        custody = custody_of(settings)
        record = custody.read()
        if record is None or (header.box is not None and record.identity != header.box):
            raise KeyNeeded(
                f"it is sealed by the box {header.box}, whose vault is not here: give its words, --words-file"
            )
        with custody.open(passphrase_for(custody, passphrase_file, "--passphrase-file")) as contents:
            return _opened_by(contents, header, "the vault that is here")

    return open_key


def _opened_by(contents: Contents, header: Header, what: str) -> bytes:
    """Raises KeyNeeded."""
    if header.box is not None and identity_of(contents) != header.box:
        raise KeyNeeded(f"it is sealed by the box {header.box}, and {what} are another's: its own words open it")
    vault = VaultService()
    vault.unlock(contents.phrase, contents.bip39_passphrase)
    try:
        text = vault.decrypt(EncryptedData.from_json(dict(header.key)))
        key = bytes.fromhex(text.removeprefix(KEY_TEXT)) if text.startswith(KEY_TEXT) else b""
    except (VaultError, ValueError):
        key = b""
    finally:
        vault.lock()
    if len(key) != KEY_BYTES:
        raise KeyNeeded(f"its key cannot be opened: it was changed, or {what} are another box's")
    return key


def vault_findings(settings: Settings, place: Path | None, words: Words | None) -> list[str]:
    """Whether the vault that was unpacked at `place` opens here, or what it needs. Raises CustodyError, KeyNeeded."""
    if place is None:
        return ["it holds no vault"]
    custody = Custody(DataPaths(place), settings.vault.key_file)
    record = custody.existing()
    if words is not None:
        if identity_of(words) != record.identity:
            raise KeyNeeded(f"it holds the vault of {record.identity}, and these words are another box's")
        return [f"its vault is that of these words: {record.identity}"]
    then = "or give its words here (--words-file), or later: alknet init --words-file FILE"
    try:
        custody.open().wipe()
    except PassphraseNeeded:
        return ["its vault is opened by its passphrase, which the node asks for after each start: alknet vault unlock"]
    except (KeyUnavailable, WrongKey) as error:
        return [f"its vault cannot be opened here yet ({error}); {then}"]
    return [f"its vault opens here, by its {record.protection.replace('-', ' ')}: {record.identity}"]


def protect_anew(settings: Settings, stage: Path, words: Words) -> None:
    """Protect the staged vault as this machine does it, or make it of the words where there is none.

    Raises CustodyError. A key file is durable before the vault needs it; one that was made for nothing opens nothing.
    """
    custody = Custody(DataPaths(stage), settings.vault.key_file)
    protection = unattended(settings)
    if custody.read() is None:
        custody.make(words, protection, shown=True)
    else:
        custody.restore(words, protection)
