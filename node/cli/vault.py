"""`alknet vault …`: the recovery words, what protects them, and the running node's vault."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from node.cli import vault_change
from node.cli.credential import rotate_all
from node.cli.first_start import custody_of
from node.cli.load import settings_or_fail
from node.cli.options import EXIT_USAGE, ConfigOption, DataOption, JsonOption, fail
from node.cli.passphrases import passphrase_for, unlock_by_prompt
from node.cli.secrets_in import is_terminal, secret_from
from node.cli.table import table
from node.cli.vault_status import facts, lines
from node.cli.words import NoTerminal, show_words
from node.core.fingerprint import spellings
from node.custody.custody import Custody
from node.custody.door_client import NodeUnreachable, ask_door
from node.custody.errors import CustodyError
from node.custody.memory import keep_to_ourselves
from node.custody.record import PassphraseWrap
from node.quic.tls.keys import KeyFileError
from node.vault import PATHS, InvalidPath, VaultError, VaultService

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)

PassphraseOption = Annotated[
    Path | None,
    typer.Option("--passphrase-file", metavar="FILE", help="Passphrase of the vault; - reads standard input."),
]

NAMES = {"identity": PATHS.IDENTITY, "ssh-host": PATHS.SSH_HOST}
"""Paths that have a name."""


@app.callback()
def vault() -> None:
    """The vault: the recovery words of this box, and what is derived from them."""
    keep_to_ourselves()


app.command("init")(vault_change.init)
app.command("protect")(vault_change.protect)
app.command("adopt")(vault_change.adopt)
app.command("rotate")(rotate_all)


@app.command()
def status(*, data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show what protects the vault, and whether the running node's is open. No secret is needed for this."""
    settings = settings_or_fail(data, config).settings
    with told():
        told_facts = facts(settings)
    if as_json:
        typer.echo(json.dumps(told_facts))
        return
    typer.echo(table(("WHAT", "IS"), lines(told_facts)))


@app.command()
def unlock(*, passphrase_file: PassphraseOption = None, data: DataOption = None, config: ConfigOption = None) -> None:
    """Open the running node's vault. It needs no restart."""
    settings = settings_or_fail(data, config).settings
    with told():
        record = custody_of(settings).existing()
        needs = isinstance(record.wrapping, PassphraseWrap)
        answer = ask_door(settings.paths.vault_door, "status")
        if answer.state == "unlocked":
            typer.echo("The vault is unlocked already.")
            return
        if not needs or passphrase_file is not None:
            given = None if passphrase_file is None else secret_from(passphrase_file, "--passphrase-file")
            answer = ask_door(settings.paths.vault_door, "unlock", given)
        else:
            answer = unlock_by_prompt(settings.paths.vault_door, answer)
    if not answer.ok:
        fail(answer.error + (f"; the next try is possible in {answer.wait:.0f} s" if answer.wait else ""))
    typer.echo("The vault is unlocked.")


@app.command()
def lock(*, data: DataOption = None, config: ConfigOption = None) -> None:
    """Wipe the running node's vault. It serves on with the key that it has loaded; credentials are closed."""
    settings = settings_or_fail(data, config).settings
    with told():
        answer = ask_door(settings.paths.vault_door, "lock")
    if not answer.ok:
        fail(answer.error)
    typer.echo("The vault is locked.")


@app.command()
def words(*, passphrase_file: PassphraseOption = None, data: DataOption = None, config: ConfigOption = None) -> None:
    """Show the recovery words on this terminal: once as they are, later only to who knows the passphrase."""
    settings = settings_or_fail(data, config).settings
    custody = custody_of(settings)
    with told():
        if not is_terminal():
            raise NoTerminal
        record = custody.existing()
        by_passphrase = isinstance(record.wrapping, PassphraseWrap)
        if record.words_shown_at is not None and not by_passphrase:
            fail("the words were shown before; to see them again, set a passphrase first: alknet vault protect")
        passphrase = passphrase_for(custody, passphrase_file, "--passphrase-file") if by_passphrase else None
        with custody.locked():
            if custody.existing().words_shown_at is not None and not by_passphrase:
                fail("the words were shown a moment ago, by another command")
            show_words(custody, passphrase)


@app.command()
def pubkey(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A derivation path, or: identity, ssh-host.")],
    *,
    openssh: Annotated[bool, typer.Option("--openssh", help="As a line for known_hosts or authorized_keys.")] = False,
    passphrase_file: PassphraseOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Print the public key of a derivation path, as m/74'/0'/1'/0'. The private one is never shown."""
    custody = custody_of(settings_or_fail(data, config).settings)
    with told(), opened(custody, passphrase_file) as service:
        try:
            with service.derive_ed25519(NAMES.get(path, path)) as key:
                names = spellings(f"ed25519:{key.public_key.hex()}")
        except InvalidPath as error:
            fail(f"PATH: {error}", EXIT_USAGE)
    typer.echo(names.openssh if openssh else names.fingerprint)


@contextmanager
def told() -> Iterator[None]:
    """End the command with one line for whatever custody or vault refuse."""
    try:
        yield
    except (CustodyError, VaultError, NoTerminal, NodeUnreachable, KeyFileError) as error:
        fail(str(error))


@contextmanager
def opened(custody: Custody, passphrase_file: Path | None) -> Iterator[VaultService]:
    """The vault, open in this process for as long as the block lasts."""
    service = VaultService()
    passphrase = passphrase_for(custody, passphrase_file, "--passphrase-file")
    with custody.open(passphrase) as contents:
        service.unlock(contents.phrase, contents.bip39_passphrase)
    try:
        yield service
    finally:
        service.lock()
