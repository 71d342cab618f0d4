"""The settings that a command runs by, and the directory that they name."""

from pathlib import Path
from typing import Any

from node.cli.options import EXIT_USAGE, fail
from node.private_file import private_directory
from node.settings import LoadedSettings, Settings, SettingsError, load_settings


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
