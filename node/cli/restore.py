"""`alknet restore`: what is in a backup, checked, and put in place of what is there; wholly or not at all."""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from node.backup.errors import BackupError
from node.backup.reading import Unpacked, unpack
from node.backup.restoring import replace_by
from node.backup.swap import KEPT, drop_stage, new_stage
from node.cli.backup import Teller
from node.cli.first_start import custody_of
from node.cli.load import settings_or_fail
from node.cli.options import ConfigOption, DataOption, JsonOption, fail
from node.cli.restore_checks import checked
from node.cli.restore_vault import Words, key_opener, protect_anew, read_words
from node.cli.secrets_in import is_terminal
from node.core.paths import DataPaths
from node.custody.errors import CustodyError
from node.custody.memory import keep_to_ourselves
from node.data_lock import DataBusy, alone
from node.settings import LoadedSettings, Settings
from node.vault import VaultError

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)

REFUSALS = (BackupError, CustodyError, VaultError, DataBusy)


@app.command()
def restore(  # noqa: PLR0913 - one for each option
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")],
    *,
    check: Annotated[bool, typer.Option("--check", help="Look at all of it, and change nothing.")] = False,
    words_file: Annotated[
        Path | None, typer.Option("--words-file", metavar="FILE", help="The recovery words; - is standard input.")
    ] = None,
    bip39_passphrase_file: Annotated[
        Path | None, typer.Option("--bip39-passphrase-file", metavar="FILE", help="BIP-39 passphrase of the words.")
    ] = None,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(
            "--passphrase-file", metavar="FILE", help="Passphrase of the vault that is here, for a sealed one."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before what is there is replaced.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup in place, in a data directory that nothing uses; or look at it with --check.

    With the words, the vault is protected anew as this machine does it: that is how a box moves to another machine.
    """
    keep_to_ourselves()
    loaded = settings_or_fail(data, config)
    try:
        with contextlib.ExitStack() as stack:
            words = read_words(words_file, bip39_passphrase_file)
            if words is not None:
                stack.callback(words.wipe)
            open_key = key_opener(loaded.settings, words, passphrase_file)
            source = Source(file.absolute(), loaded, words, open_key)
            facts = _check(source) if check else _restore(source, sure=yes)
    except REFUSALS as error:
        fail(f"{file}: {error}" + ("" if check else "; nothing was changed"))
    except OSError as error:
        fail(f"{loaded.settings.data} cannot be used: {error.strerror or error}")
    typer.echo(json.dumps(facts) if as_json else _told(facts))


class Source:
    """The backup, and what is known for opening it."""

    def __init__(self, file: Path, loaded: LoadedSettings, words: Words | None, open_key: Any) -> None:
        self.file, self.loaded, self.words, self._open_key = file, loaded, words, open_key

    @property
    def settings(self) -> Settings:
        return self.loaded.settings

    def unpack(self, into: Path) -> tuple[Unpacked, list[str]]:
        """Unpack it, and look at all of it. Raises BackupError, CustodyError."""
        teller = Teller(lines=False, quiet=not sys.stderr.isatty())
        unpacked = unpack(self.file, into, self._open_key, teller.progress)
        return unpacked, checked(self.loaded, into, unpacked, self.words)


def _check(source: Source) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="alknet-check-") as place:
        (Path(place) / "secrets").mkdir(mode=0o700)
        unpacked, findings = source.unpack(Path(place))
    return _facts(unpacked, findings)


def _restore(source: Source, *, sure: bool) -> dict[str, Any]:
    settings = source.settings
    with _leaving_none_empty(settings.paths), alone(settings.data), custody_of(settings).locked():
        _require_consent(settings, sure=sure)
        with _staged(settings.data) as stage:
            unpacked, findings = source.unpack(stage)
            if source.words is not None:
                protect_anew(settings, stage, source.words)
            aside = replace_by(settings.data, stage, unpacked, source.file)
    return {**_facts(unpacked, findings), "replaced": None if aside is None else str(aside)}


@contextlib.contextmanager
def _leaving_none_empty(paths: DataPaths) -> Iterator[None]:
    """A refused restore takes the directories away again that were made for it."""
    made = [place for place in (paths.secrets, paths.data, *paths.data.parents) if not os.path.lexists(place)]
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # the first one that holds something
            for place in made:
                place.rmdir()


@contextlib.contextmanager
def _staged(data: Path) -> Iterator[Path]:
    """A place for what is to come, gone again unless it was decided to take it."""
    stage = new_stage(data)
    try:
        yield stage
    finally:
        drop_stage(data)


def _require_consent(settings: Settings, *, sure: bool) -> None:
    if sure or not settings.paths.database.exists():
        return
    question = f"{settings.data} holds an appliance. Put the backup in its place? (The old state is kept aside.)"
    if not is_terminal():
        raise BackupError(f"{settings.data} holds an appliance: say --yes where nobody can be asked")
    if not typer.confirm(question):
        raise BackupError("you did not want it")


def _facts(unpacked: Unpacked, findings: list[str]) -> dict[str, Any]:
    manifest = unpacked.manifest
    return {
        "made_at": manifest.made_at,
        "alknet": manifest.alknet,
        "box": manifest.box,
        "encrypted": unpacked.sealed,
        "files": {entry.name: entry.size for entry in manifest.files},
        "left_out": manifest.left_out,
        "findings": findings,
    }


def _told(facts: dict[str, Any]) -> str:
    lines = [f"{name}: {size} bytes, as its manifest says" for name, size in facts["files"].items()]
    lines += facts["findings"]
    if "replaced" in facts:
        lines.append("It is in place. Start the appliance as ever.")
        if facts["replaced"]:
            lines.append(f"What was there before is kept in {facts['replaced']}; remove it when all is well.")
            lines.append(f"Of what restores have put aside the last {KEPT} are kept.")
    else:
        lines.append("It can be restored here.")
    return "\n".join(lines)
