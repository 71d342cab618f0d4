"""The commands that change the vault at rest: init, protect and adopt."""

import os
from pathlib import Path
from typing import Annotated

import typer

from node.cli.first_start import WORDS, custody_of, new_contents, unattended
from node.cli.load import data_directory_or_fail, settings_or_fail
from node.cli.options import EXIT_USAGE, ConfigOption, DataOption, fail
from node.cli.passphrases import passphrase_for
from node.cli.secrets_in import ask_new_secret, is_terminal, secret_from
from node.cli.words import NEVER_SHOWN, show_words
from node.custody.custody import Custody
from node.custody.errors import CustodyError
from node.custody.memory import keep_to_ourselves
from node.custody.protection import ByCredential, ByKeyFile, ByPassphrase, Protection
from node.custody.sealing import Contents
from node.private_file import sync_directory
from node.quic.tls.keys import KeyFileError, load_node_key
from node.settings import Settings
from node.vault import Mnemonic, VaultError

USUAL = "usual"

NewPassphraseOption = Annotated[
    Path | None,
    typer.Option("--passphrase-file", metavar="FILE", help="Protect it by this passphrase; - reads standard input."),
]
KeyFileOption = Annotated[
    str | None,
    typer.Option(
        "--key-file",
        metavar="PATH",
        help=f"Protect it by a key file, made if missing; “{USUAL}” names the usual place.",
    ),
]
CredentialOption = Annotated[
    Path | None,
    typer.Option("--credential-file", metavar="FILE", help="Protect it by what the service manager will hand over."),
]


def init(
    *,
    words_file: Annotated[
        Path | None, typer.Option("--words-file", metavar="FILE", help="Restore from these words; - is standard input.")
    ] = None,
    bip39_passphrase_file: Annotated[
        Path | None, typer.Option("--bip39-passphrase-file", metavar="FILE", help="BIP-39 passphrase of the words.")
    ] = None,
    word_count: Annotated[int, typer.Option("--word-count", metavar="N", help="12, 15, 18, 21 or 24.")] = WORDS,
    passphrase_file: NewPassphraseOption = None,
    key_file: KeyFileOption = None,
    credential_file: CredentialOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make the vault of a data directory, or restore it from its words; a vault of the same words is protected anew."""
    keep_to_ourselves()
    settings = settings_or_fail(data, config).settings
    _one_from_stdin(words_file, bip39_passphrase_file, passphrase_file)
    data_directory_or_fail(settings)
    custody = custody_of(settings)
    try:
        protection = _chosen(settings, passphrase_file, key_file, credential_file) or unattended(settings)
        bip39 = None if bip39_passphrase_file is None else secret_from(bip39_passphrase_file, "--bip39-passphrase-file")
        if words_file is None:
            with new_contents(word_count, bip39) as contents:
                _make(custody, contents, protection)
        else:
            with secret_from(words_file, "--words-file") as text:
                contents = Contents(Mnemonic.from_phrase(text).phrase, bip39)
            with contents:
                _restore(custody, contents, protection)
    except (CustodyError, VaultError) as error:
        fail(str(error))
    if settings.paths.node_key.exists():
        typer.echo("The node serves the key that it had before, until: alknet vault adopt")


def protect(
    *,
    passphrase_file: NewPassphraseOption = None,
    key_file: KeyFileOption = None,
    credential_file: CredentialOption = None,
    current_passphrase_file: Annotated[
        Path | None, typer.Option("--current-passphrase-file", metavar="FILE", help="The passphrase that it has now.")
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Protect the vault by a passphrase, which the node then asks for at each start; or by a key file again."""
    settings = settings_or_fail(data, config).settings
    _one_from_stdin(passphrase_file, current_passphrase_file)
    custody = custody_of(settings)
    try:
        custody.existing()
        current = passphrase_for(custody, current_passphrase_file, "--current-passphrase-file")
        protection = _chosen(settings, passphrase_file, key_file, credential_file)
        if protection is None:
            protection = ByPassphrase(ask_new_secret("New passphrase", "--passphrase-file"))
        left = custody.protect(protection, current)
        record = custody.existing()
    except (CustodyError, VaultError) as error:
        fail(str(error))
    typer.echo(f"The vault is protected by a {record.protection.replace('-', ' ')}. A running node needs no restart.")
    if left is not None:
        typer.echo(f"{left} opens it no more, and was left where it is.")
    if record.words_shown_at is None:
        typer.echo(f"Note: {NEVER_SHOWN}")


def adopt(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    passphrase_file: Annotated[
        Path | None, typer.Option("--passphrase-file", metavar="FILE", help="Passphrase of the vault.")
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Have the node serve the key that its words give, in place of one that it made up before there was a vault."""
    settings = settings_or_fail(data, config).settings
    custody = custody_of(settings)
    old = settings.paths.node_key
    try:
        before = load_node_key(old).fingerprint
        # Proves that the key which is to be served can be had, too.
        with custody.open(passphrase_for(custody, passphrase_file, "--passphrase-file")):
            after = custody.existing().identity
    except FileNotFoundError:
        fail("there is no made-up key: the node serves the key of its words already")
    except (CustodyError, VaultError, KeyFileError) as error:
        fail(str(error))
    _explain(before, after)
    if not yes and not (is_terminal() and typer.confirm("Switch to the new key?")):
        fail("nothing was changed" + ("" if is_terminal() else ": say --yes where nobody can be asked"))
    aside = _set_aside(old)
    typer.echo(f"Done. The new key is served from the node's next start on; the old one is kept in {aside}.")


def _make(custody: Custody, contents: Contents, protection: Protection) -> None:
    record = custody.make(contents, protection, shown=False)
    typer.echo(f"The vault was made; its node is {record.identity}")
    if is_terminal():
        with custody.locked():
            show_words(custody, protection.passphrase if isinstance(protection, ByPassphrase) else None)
    else:
        typer.echo(f"Note: {NEVER_SHOWN}")


def _restore(custody: Custody, contents: Contents, protection: Protection) -> None:
    if custody.read() is None:
        record = custody.make(contents, protection, shown=True)
    else:
        record = custody.restore(contents, protection)
    typer.echo(f"The vault was restored; its node is {record.identity}")


def _chosen(
    settings: Settings, passphrase_file: Path | None, key_file: str | None, credential_file: Path | None
) -> Protection | None:
    if sum(one is not None for one in (passphrase_file, key_file, credential_file)) > 1:
        fail("expected one of --passphrase-file, --key-file and --credential-file", EXIT_USAGE)
    if passphrase_file is not None:
        return ByPassphrase(secret_from(passphrase_file, "--passphrase-file"))
    if credential_file is not None:
        return ByCredential(credential_file.absolute())
    if key_file is not None:
        named = settings.vault.key_file if key_file == USUAL else Path(key_file).absolute()
        return ByKeyFile(settings.data, named)
    return None


def _one_from_stdin(*files: Path | None) -> None:
    if sum(str(file) == "-" for file in files) > 1:
        fail("standard input can be read for one of the options only", EXIT_USAGE)


def _explain(before: str, after: str) -> None:
    typer.echo(f"The node now serves  {before}")
    typer.echo(f"and then would serve {after}")
    typer.echo("Clients that pinned the old key refuse the node until they trust the new one, each by:")
    typer.echo(f"  alknet trust ADDRESS {after}")


def _set_aside(path: Path) -> Path:
    """Rename the old key, over none that was set aside before."""
    aside = path.with_name(f"{path.name}.replaced")
    number = 1
    while os.path.lexists(aside):
        number += 1
        aside = path.with_name(f"{path.name}.replaced-{number}")
    try:
        path.rename(aside)
        sync_directory(path.parent)
    except OSError as error:
        fail(f"{path}: cannot be set aside: {error.strerror}")
    return aside
