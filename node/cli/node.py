"""`alknet node`: the node process alone."""

import asyncio
from importlib import import_module

import typer

from node.cli.options import ConfigOption, DataOption, ReadyOption, settings_or_fail
from node.cli.up import ListenOption
from node.lifeline import Lifeline
from node.log import configure_logging
from node.quic.accelerated import load

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def node(
    *, data: DataOption = None, listen: ListenOption = None, config: ConfigOption = None, ready_fd: ReadyOption = None
) -> None:
    """Serve QUIC until SIGTERM or Ctrl-C."""
    settings = settings_or_fail(data, config, node__listen=listen).settings
    configure_logging(settings.log)
    load(settings.node.engine)
    # Only now, for it imports the engine.
    run_node = import_module("node.assembly").run_node
    raise typer.Exit(asyncio.run(run_node(settings, Lifeline.from_fd(ready_fd))))
