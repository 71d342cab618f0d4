"""`alknet health`: one question to one process, for health checks of containers.

Exit status: 0 well, 1 not, 2 wrong settings.

What a supervisor restarts on must not depend on a person: a locked vault is told, and does not fail the node unless
`--ready` asks for that.
"""

import http.client
import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from node.cli.choices import one_of
from node.cli.load import settings_or_fail
from node.cli.options import EXIT_FAILED, ConfigOption, DataOption
from node.cli.ready_facts import panel_address
from node.control.client import ControlClient, ControlError
from node.core.address import format_host_port, parse_host_port, reachable
from node.core.health import Check, failing, read_checks
from node.core.text import printable
from node.settings import Settings

TIMEOUT = 4.0
"""Seconds for an answer."""
MAX_ANSWER = 256 * 1024

WAITS_FOR_A_PERSON = frozenset({"vault", "serving", "index"})
"""Checks that fail while a node in good health waits: to be unlocked, or for the panel to make the database."""

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


class Process(StrEnum):
    NODE = "node"
    WEB = "web"
    BOTH = "both"


@app.command()
def health(
    process: Annotated[
        Process, typer.Argument(parser=one_of(Process), metavar="PROCESS", help="node, web or both.")
    ] = Process.BOTH,
    *,
    ready: bool = typer.Option(False, "--ready", help="Fail as well where the node waits for its vault."),  # noqa: FBT003
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Ask whether the node and the panel are well, and say what is not."""
    settings = settings_or_fail(data, config).settings
    checks: list[Check] = []
    if process is not Process.NODE:
        checks += web_checks(settings)
    if process is not Process.WEB:
        checks += node_checks(settings)
    for check in checks:
        if not check.ok:
            typer.echo(printable(f"{check.name}: {check.text}{check.mend and f'; {check.mend}'}"))
    wrong = set(failing(checks)) - (set() if ready else WAITS_FOR_A_PERSON)
    if wrong:
        raise typer.Exit(EXIT_FAILED)


def node_checks(settings: Settings) -> list[Check]:
    """The node's own; where it does not answer, the one that says so, `node`."""
    try:
        with ControlClient(settings.paths.control_socket, timeout=TIMEOUT) as node:
            return read_checks(node.call("node/status")["health"])
    except (ControlError, KeyError, TypeError, ValueError) as error:
        return [Check("node", ok=False, text=str(error) or "its answer is not understood")]


def web_checks(settings: Settings) -> list[Check]:
    """By its own page, which names what fails; where it does not answer, `web`. Its log and its page say more."""
    address = panel_address(settings.paths.ready_file) or reachable(parse_host_port(settings.panel.listen))
    if address[1] == 0:
        return [Check("web", ok=False, text="panel.listen has port 0: the port that it got is not known here")]
    try:
        answer = _ask(*address)
        names = answer["failing"]
        return [Check(str(name)[:100], ok=False, text="fails; the panel's page Health says why") for name in names]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        where = format_host_port(address)
        return [Check("web", ok=False, text=f"the panel at {where} does not answer: {error}")]


def _ask(host: str, port: int) -> Any:
    """Raises OSError, HTTPException and ValueError."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/readyz/panel", headers={"Host": "localhost"})
        return json.loads(connection.getresponse().read(MAX_ANSWER))
    finally:
        connection.close()
