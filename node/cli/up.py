"""`alknet up`: the whole appliance under one supervisor."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from node.cli.first_start import ensure_vault, notes
from node.cli.load import settings_or_fail
from node.cli.manage import child_environment, manage_argv
from node.cli.options import ConfigOption, DataOption, fail
from node.cli.supervisor.appliance import Programs, run_appliance
from node.cli.supervisor.keeper import ChildFailed
from node.cli.supervisor.lock import AlreadyRunning, instance_lock
from node.cli.supervisor.ready import Ready, announce
from node.cli.unlock_once import UnlockOnce, ask_once
from node.custody.errors import CustodyError
from node.custody.memory import keep_to_ourselves
from node.data_lock import in_use
from node.log import configure_logging
from node.settings import LoadedSettings, Settings

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)

ListenOption = Annotated[str | None, typer.Option("--listen", metavar="HOST:PORT", help="UDP address of the node.")]
PanelOption = Annotated[str | None, typer.Option("--panel", metavar="HOST:PORT", help="TCP address of the panel.")]


@app.command()
def up(
    *, data: DataOption = None, listen: ListenOption = None, panel: PanelOption = None, config: ConfigOption = None
) -> None:
    """Run the panel and the node until Ctrl-C. DIR/run/ready.json is there while both serve."""
    loaded = settings_or_fail(data, config, node__listen=listen, panel__listen=panel)
    settings = loaded.settings
    configure_logging(settings.log)
    keep_to_ourselves()
    try:
        with in_use(settings.data), instance_lock(settings.paths.run / "supervisor.lock"):
            ensure_vault(settings)
            announcer = _announcer(settings, ask_once(settings))
            asyncio.run(run_appliance(settings, _programs(loaded, config), announce=announcer))
    except KeyboardInterrupt:
        return
    except OSError as error:
        fail(f"{settings.data} cannot be used: {error.strerror or error}")
    except (AlreadyRunning, ChildFailed, CustodyError) as error:
        fail(str(error))


def _announcer(settings: Settings, unlock: UnlockOnce) -> Callable[[Ready], None]:
    def tell(ready: Ready) -> None:
        if not unlock.begin(ready):
            announce(ready, settings.data, notes(settings))

    return tell


def _programs(loaded: LoadedSettings, config: Path | None) -> Programs:
    node = (sys.executable, "-P", "-m", "node.cli.main", "node")
    return Programs(manage_argv("serve"), node, child_environment(loaded, config))
