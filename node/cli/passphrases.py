"""The passphrase of a vault, asked for until it fits, with a growing wait after each that does not."""

import time
from pathlib import Path

import typer

from node.cli.secrets_in import ask_secret, secret_from
from node.custody.custody import Custody
from node.custody.door_client import DoorAnswer, ask_door
from node.custody.errors import WrongPassphrase
from node.custody.record import PassphraseWrap
from node.custody.tries import Tries
from node.vault import SecretString

PROMPTS = 5
"""Wrong passphrases at one prompt before the command ends."""


def passphrase_for(custody: Custody, file: Path | None, option: str) -> SecretString | None:
    """The passphrase that opens this vault, if it is a passphrase that does. One from the prompt is tried out first."""
    if not isinstance(custody.existing().wrapping, PassphraseWrap):
        return None
    if file is not None:
        return secret_from(file, option)
    tries = Tries(time.monotonic)
    for _ in range(PROMPTS):
        time.sleep(tries.wait())
        passphrase = ask_secret("Passphrase of the vault", option)
        try:
            custody.open(passphrase).wipe()
        except WrongPassphrase as error:
            passphrase.wipe()
            typer.echo(f"alknet: {error}; wait {tries.wrong():.0f} s", err=True)
        else:
            return passphrase
    raise WrongPassphrase


def unlock_by_prompt(door: Path, answer: DoorAnswer) -> DoorAnswer:
    """Have the running node unlocked. It counts wrong passphrases itself, and says how long to wait."""
    for _ in range(PROMPTS):
        _pause(answer.wait)
        with ask_secret("Passphrase of the vault", "--passphrase-file") as passphrase:
            answer = ask_door(door, "unlock", passphrase)
        if answer.ok or answer.wait == 0:
            return answer
        typer.echo(f"alknet: {answer.error}", err=True)
    return answer


def _pause(seconds: float) -> None:
    if seconds > 0:
        typer.echo(f"Wait {seconds:.0f} s.", err=True)
        time.sleep(seconds)
