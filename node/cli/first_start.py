"""What the first start makes, in the process that a person started: the vault, its key file, a look at the words."""

import logging
from pathlib import Path

from node.cli.secrets_in import is_terminal
from node.cli.words import NEVER_SHOWN, show_words
from node.custody.custody import Custody
from node.custody.errors import CustodyError, VaultExists, VaultFileError
from node.custody.key_file import credential_file
from node.custody.protection import ByCredential, ByKeyFile, Protection
from node.custody.sealing import Contents
from node.settings import Settings
from node.store.database import DatabaseMissing, open_database
from node.vault import Mnemonic, SecretString

WORDS = 24

MISSING = (
    "the vault of these sealed credentials is missing, and no other was made: restore it with "
    "alknet init --words-file FILE, then alknet vault unlock; alknet vault init makes another box, which opens none"
)

logger = logging.getLogger(__name__)


def custody_of(settings: Settings) -> Custody:
    """The vault at rest of these settings' data directory."""
    return Custody(settings.paths, settings.vault.key_file)


def unattended(settings: Settings) -> Protection:
    """What opens a vault without a person: a credential where the service manager hands one over, else a key file."""
    credential = credential_file()
    if credential is not None:
        return ByCredential(credential)
    return ByKeyFile(settings.data, settings.vault.key_file)


def ensure_vault(settings: Settings) -> None:
    """Make the vault where there is none, and show its words if a person is there. Raises CustodyError.

    Where there are sealed credentials, their own vault is missing, and another would be another box: the node waits.
    """
    custody = custody_of(settings)
    try:
        absent = custody.read() is None
    except VaultFileError:
        return  # the node says what is wrong with the file, and serves what needs no vault
    if not absent or _has_credentials(settings.paths.database):
        return
    if _made(custody, unattended(settings)) and is_terminal():
        with custody.locked():
            show_words(custody)


def notes(settings: Settings) -> list[str]:
    """What a person should know of the vault when the appliance is up."""
    try:
        record = custody_of(settings).read()
    except CustodyError:
        return []
    if record is None:
        return [MISSING]
    return [NEVER_SHOWN] if record.words_shown_at is None else []


def new_contents(word_count: int = WORDS, bip39_passphrase: SecretString | None = None) -> Contents:
    """Fresh words. Raises MnemonicError."""
    return Contents(Mnemonic.generate(word_count).phrase, bip39_passphrase)


def _has_credentials(database: Path) -> bool:
    try:
        with open_database(database) as opened:
            return bool(opened.query("SELECT 1 AS found FROM credentials LIMIT 1"))
    except (DatabaseMissing, RuntimeError):
        return False  # no file, or no such table yet


def _made(custody: Custody, protection: Protection) -> bool:
    """Whether it was us who made it, and not another process at the same time."""
    with new_contents() as contents:
        try:
            record = custody.make(contents, protection, shown=False)
        except VaultExists:
            return False
    logger.info("the vault was made", extra={"identity": record.identity, "protection": record.protection})
    return True
