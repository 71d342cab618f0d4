"""`alknet node`: the node process alone."""

import asyncio

import typer

from node.assembly import run_node
from node.cli.options import ConfigOption, DataOption, ReadyOption, settings_or_fail
from node.cli.up import ListenOption
from node.lifeline import Lifeline
from node.log import configure_logging

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def node(
    *, data: DataOption = None, listen: ListenOption = None, config: ConfigOption = None, ready_fd: ReadyOption = None
) -> None:
    """Serve QUIC until SIGTERM or Ctrl-C."""
    settings = settings_or_fail(data, config, node__listen=listen).settings
    configure_logging(settings.log)
    raise typer.Exit(asyncio.run(run_node(settings, Lifeline.from_fd(ready_fd))))
