"""Options that several commands share, and settings read for a command."""

from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from node.private_file import private_directory
from node.settings import LoadedSettings, Settings, SettingsError, load_settings

EXIT_FAILED = 1
EXIT_USAGE = 2

DataOption = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="Data directory; or ALKNET_DATA.")]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings file; or ALKNET_CONFIG, else DIR/alknet.toml.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value, for programs.")]
ReadyOption = Annotated[int | None, typer.Option("--ready-fd", hidden=True, help="Descriptor of the lifeline.")]


def fail(message: str, status: int = EXIT_FAILED) -> NoReturn:
    """Say why on stderr and end the command."""
    typer.echo(f"alknet: {message}", err=True)
    raise typer.Exit(status)


def data_directory_or_fail(settings: Settings) -> None:
    """Make the data directory where it is missing, or end the command with the reason why it cannot be used."""
    try:
        private_directory(settings.data)
    except OSError as error:
        fail(f"{settings.data} cannot be used: {error.strerror}")


def settings_or_fail(data: Path | None, config: Path | None = None, **overrides: Any) -> LoadedSettings:
    """The settings, or the end of the command with every wrong key named. `node__listen=…` sets `node.listen`."""
    options = {key.replace("__", "."): value for key, value in overrides.items()}
    try:
        return load_settings(data=data, config=config, overrides=options)
    except SettingsError as error:
        fail(f"settings:\n{error}", EXIT_USAGE)
