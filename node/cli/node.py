"""`alknet node`: the node process alone."""

import asyncio
from functools import partial
from importlib import import_module

import typer

from node.cli.options import ConfigOption, DataOption, ReadyOption, settings_or_fail
from node.cli.up import ListenOption
from node.lifeline import Lifeline
from node.log import configure_logging
from node.log_repeats import limit_repeats
from node.quic.accelerated import load
from node.settings import load_settings

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def node(
    *, data: DataOption = None, listen: ListenOption = None, config: ConfigOption = None, ready_fd: ReadyOption = None
) -> None:
    """Serve QUIC until SIGTERM or Ctrl-C."""
    loaded = settings_or_fail(data, config, node__listen=listen)
    configure_logging(loaded.settings.log)
    limit_repeats()
    load(loaded.settings.node.engine)
    again = partial(load_settings, data=data, config=config, overrides={"node.listen": listen})
    # Only now, for it imports the engine.
    run_node = import_module("node.assembly").run_node
    raise typer.Exit(asyncio.run(run_node(loaded, again, Lifeline.from_fd(ready_fd))))
