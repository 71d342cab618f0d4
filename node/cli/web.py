"""`alknet web`: the panel alone."""

import os

import typer

from node.cli.load import data_directory_or_fail, settings_or_fail
from node.cli.manage import child_environment, manage_argv
from node.cli.options import ConfigOption, DataOption
from node.cli.up import PanelOption

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def web(*, data: DataOption = None, panel: PanelOption = None, config: ConfigOption = None) -> None:
    """Serve the panel until SIGTERM or Ctrl-C. This process becomes `manage.py serve`."""
    loaded = settings_or_fail(data, config, panel__listen=panel)
    data_directory_or_fail(loaded.settings)
    argv = manage_argv("serve")
    os.execve(argv[0], argv, {**os.environ, **child_environment(loaded, config)})  # noqa: S606 - no shell is wanted
