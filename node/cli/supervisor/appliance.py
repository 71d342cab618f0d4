"""The two processes of an appliance: how each is started, and what each must show before it counts as serving."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from node.cli.supervisor.child import ChildSpec
from node.cli.supervisor.health import wait_healthy
from node.cli.supervisor.keeper import Keeper
from node.cli.supervisor.ready import Ready
from node.cli.supervisor.supervisor import STOP_GRACE, Supervisor
from node.core.address import parse_host_port
from node.settings import Settings, variable_name


@dataclass(frozen=True, slots=True)
class Programs:
    """The command of each process, without its `--ready-fd`, and what both get laid over our environment."""

    web: tuple[str, ...]
    node: tuple[str, ...]
    environment: Mapping[str, str]


async def run_appliance(
    settings: Settings, programs: Programs, *, announce: Callable[[Ready], None], grace: float = STOP_GRACE
) -> None:
    """Keep both processes alive until SIGTERM, SIGINT or SIGHUP. Raises ChildFailed where one never came to serve.

    `announce` is called once, when both serve. A stopping child gets `grace` seconds.
    """
    changed = asyncio.Event()
    web = Keeper(
        ChildSpec("web", programs.web, programs.environment),
        listen=parse_host_port(settings.panel.listen),
        listen_variable=variable_name(("panel", "listen")),
        changed=changed,
        check=wait_healthy,
    )
    node = Keeper(
        ChildSpec("node", programs.node, programs.environment),
        listen=parse_host_port(settings.node.listen),
        listen_variable=variable_name(("node", "listen")),
        changed=changed,
    )
    supervisor = Supervisor(
        web,
        node,
        changed=changed,
        paths=settings.paths,
        public_url=settings.panel.public_url,
        announce=announce,
        grace=grace,
    )
    await supervisor.run()
