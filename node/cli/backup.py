"""`alknet backup`: one file with everything that makes this appliance, made while it runs."""

import json
import os
import secrets
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from node.backup.errors import BackupError
from node.backup.making import Made, Seal, Wanted, clear_left, make_backup
from node.backup.sealed import KEY_BYTES, Header
from node.cli.first_start import custody_of
from node.cli.load import settings_or_fail
from node.cli.local_node import told
from node.cli.manage import request
from node.cli.options import EXIT_FAILED, ConfigOption, DataOption, JsonOption, fail
from node.control.client import ControlClient, ControlError
from node.custody.errors import CustodyError
from node.data_lock import DataBusy, in_use
from node.settings import LoadedSettings, Settings

KEY_TEXT = "alknet backup key: "
"""What the sealed text of a backup's key begins with: no credential of a handler passes for one, or reads like one."""
TELL_EVERY = 0.2
"""Seconds between two lines of progress."""

_NICE = 10
"""What the panel has made in the background gives way to what serves."""

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to make; there must be none of that name.")],
    *,
    encrypt: Annotated[
        bool | None,
        typer.Option(
            "--encrypt/--no-encrypt",
            help="Seal it under the vault's key: the recovery words open it, or this box. Or backup.encrypt.",
        ),
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lines: Annotated[bool, typer.Option("--lines", hidden=True, help="For the panel: progress as JSON lines.")] = False,
) -> None:
    """Write a backup: both databases as they are at one moment, the wrapped vault and the settings. Nothing stops."""
    loaded = settings_or_fail(data, config)
    sealed = loaded.settings.backup.encrypt if encrypt is None else encrypt
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_FAILED))  # so that what was begun is cleared away
    if lines:
        os.nice(_NICE)
        clear_left(file.absolute().parent)
    teller = Teller(lines=lines, quiet=as_json or not sys.stderr.isatty())
    if not lines:  # the panel has had it signed already
        _have_the_log_signed(loaded)
    try:
        with in_use(loaded.settings.data):
            made = make(loaded, file.absolute(), sealed=sealed, teller=teller)
    except (BackupError, CustodyError, DataBusy) as error:
        _refuse(str(error), lines=lines)
    except OSError as error:
        _refuse(f"{loaded.settings.data} cannot be used: {error.strerror or error}", lines=lines)
    facts = facts_of(made)
    if lines:
        typer.echo(json.dumps({"ok": True, "result": facts}))
        return
    request(loaded, "backups", "record", facts)
    typer.echo(json.dumps(facts) if as_json else _told(made))


def _have_the_log_signed(loaded: LoadedSettings) -> None:
    """By the node, where one runs: so a log that is cut short after this backup is found out by what is in it."""
    paths = loaded.settings.paths
    if not (paths.control_socket.exists() and paths.database.is_file()):
        return
    signed = request(loaded, "backups", "sign", {})
    if reason := signed.get("reason"):
        typer.echo(f"alknet: the audit log in it has no new checkpoint: {reason}", err=True)


def make(loaded: LoadedSettings, file: Path, *, sealed: bool, teller: "Teller") -> Made:
    """Make the backup. Raises BackupError, CustodyError, OSError."""
    settings = loaded.settings
    record = custody_of(settings).read()
    box = None if record is None else record.identity
    wanted = Wanted(settings.data, loaded.file, box)
    return make_backup(wanted, file, _seal(settings, box) if sealed else None, teller.progress)


def facts_of(made: Made) -> dict[str, Any]:
    """What is told of a backup, to programs and to the audit log."""
    manifest = made.manifest
    return {
        "file": str(made.path),
        "size": made.size,
        "sha256": made.sha256,
        "encrypted": made.sealed,
        "made_at": manifest.made_at,
        "box": manifest.box,
        "files": [entry.name for entry in manifest.files],
        "left_out": manifest.left_out,
    }


@dataclass(slots=True)
class Teller:
    """Tells how far it is: on a terminal in one line, to the panel in lines of JSON."""

    lines: bool
    quiet: bool
    _next: float = field(default=0.0)

    def progress(self, step: str, done: int, of: int) -> None:
        now = time.monotonic()
        if now < self._next and done < of:
            return
        self._next = now + TELL_EVERY
        if self.lines:
            typer.echo(json.dumps({"progress": {"step": step, "done": done, "of": of}}))
        elif not self.quiet:
            typer.echo(f"\r\033[K{step}: {100 * done // max(of, 1)} %", err=True, nl=False)
            if done >= of:
                typer.echo("\r\033[K", err=True, nl=False)


def _seal(settings: Settings, box: str | None) -> Seal:
    """A fresh key, and its header as the running node seals it: nobody else has the vault open. Raises BackupError."""
    key = secrets.token_bytes(KEY_BYTES)
    try:
        with ControlClient(settings.paths.control_socket) as node:
            blob = node.call("credentials/seal", {"plaintext": KEY_TEXT + key.hex()})
    except ControlError as error:
        raise BackupError(f"the backup cannot be sealed: {told(error)}") from None
    return Seal(key, Header(box=box, key=dict(blob)))


def _told(made: Made) -> str:
    lines = [f"{made.path}: {made.size} bytes, SHA-256 {made.sha256}"]
    lines.append("It is sealed: the recovery words of this box open it." if made.sealed else "It is not sealed.")
    lines += [
        f"{name} is left out, for it is a key in the open; --encrypt takes it along." for name in made.manifest.left_out
    ]
    return "\n".join(lines)


def _refuse(message: str, *, lines: bool) -> None:
    if lines:
        typer.echo(json.dumps({"ok": False, "error": message}))
        raise typer.Exit(EXIT_FAILED)
    fail(message)
