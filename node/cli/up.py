"""`alknet up`: the whole appliance under one supervisor."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from node.cli.manage import child_environment, manage_argv
from node.cli.options import ConfigOption, DataOption, fail, settings_or_fail
from node.cli.supervisor.child import ChildSpec
from node.cli.supervisor.health import wait_healthy
from node.cli.supervisor.keeper import ChildFailed, Keeper
from node.cli.supervisor.lock import AlreadyRunning, instance_lock
from node.cli.supervisor.ready import Ready, banner
from node.cli.supervisor.supervisor import Supervisor
from node.core.address import parse_host_port
from node.log import configure_logging
from node.settings import Settings

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)

ListenOption = Annotated[str | None, typer.Option("--listen", metavar="HOST:PORT", help="UDP address of the node.")]
PanelOption = Annotated[str | None, typer.Option("--panel", metavar="HOST:PORT", help="TCP address of the panel.")]


@app.command()
def up(
    *, data: DataOption = None, listen: ListenOption = None, panel: PanelOption = None, config: ConfigOption = None
) -> None:
    """Run the panel and the node until Ctrl-C. DIR/run/ready.json is there while both serve."""
    settings = settings_or_fail(data, config, node__listen=listen, panel__listen=panel).settings
    configure_logging(settings.log)
    try:
        with instance_lock(settings.paths.run / "supervisor.lock"):
            asyncio.run(_supervise(settings, config))
    except KeyboardInterrupt:
        return
    except OSError as error:
        fail(f"{settings.data} cannot be used: {error}")
    except (AlreadyRunning, ChildFailed) as error:
        fail(str(error))


async def _supervise(settings: Settings, config: Path | None) -> None:
    changed, environment = asyncio.Event(), child_environment(settings, config)
    web = Keeper(
        ChildSpec("web", manage_argv("serve"), environment),
        listen=parse_host_port(settings.panel.listen),
        listen_variable="ALKNET_PANEL__LISTEN",
        changed=changed,
        check=wait_healthy,
    )
    node = Keeper(
        ChildSpec("node", (sys.executable, "-P", "-m", "node.cli.main", "node"), environment),
        listen=parse_host_port(settings.node.listen),
        listen_variable="ALKNET_NODE__LISTEN",
        changed=changed,
    )

    def announce(ready: Ready) -> None:
        typer.echo(banner(ready, settings.data))

    await Supervisor(
        web,
        node,
        changed=changed,
        paths=settings.paths,
        public_url=settings.panel.public_url,
        announce=announce,
    ).run()
