"""`alknet node`: the node process alone."""

import asyncio
import contextlib
import logging
from functools import partial
from importlib import import_module

import typer

from node.cli.first_start import ensure_vault, notes
from node.cli.load import settings_or_fail
from node.cli.options import EXIT_FAILED, ConfigOption, DataOption, ReadyOption
from node.cli.up import ListenOption
from node.custody.errors import CustodyError
from node.custody.memory import keep_to_ourselves
from node.data_lock import in_use
from node.lifeline import Lifeline
from node.log import configure_logging
from node.log_repeats import limit_repeats
from node.quic.accelerated import load
from node.settings import load_settings

logger = logging.getLogger(__name__)

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def node(
    *, data: DataOption = None, listen: ListenOption = None, config: ConfigOption = None, ready_fd: ReadyOption = None
) -> None:
    """Serve QUIC until SIGTERM or Ctrl-C."""
    loaded = settings_or_fail(data, config, node__listen=listen)
    keep_to_ourselves()
    configure_logging(loaded.settings.log)
    limit_repeats()
    load(loaded.settings.node.engine)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(in_use(loaded.settings.data))
            ensure_vault(loaded.settings)
        except (CustodyError, OSError) as error:
            logger.critical("the node cannot start", extra={"error": str(error)})
            raise typer.Exit(EXIT_FAILED) from None
        for note in notes(loaded.settings):
            logger.warning(note)
        again = partial(load_settings, data=data, config=config, overrides={"node.listen": listen})
        # Only now, for it imports the engine.
        run_node = import_module("node.assembly.process").run_node
        raise typer.Exit(asyncio.run(run_node(loaded, again, Lifeline.from_fd(ready_fd))))
