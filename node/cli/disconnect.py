"""`alknet disconnect`: end live connections. Who may connect can come back: to take that right away, disable the peer.

Exit status: 0 at least one was closed, 1 none was or the node did not answer, 2 wrong usage.
"""

import json
from typing import Annotated, Any

import typer

from node.cli.local_node import ask, running_node
from node.cli.options import EXIT_FAILED, EXIT_USAGE, ConfigOption, DataOption, JsonOption, fail
from node.control.limits import MAX_REASON

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def disconnect(
    connection: Annotated[int | None, typer.Argument(metavar="ID", help="See `alknet connections`.", min=1)] = None,
    *,
    peer: Annotated[str | None, typer.Option("--peer", metavar="NAME", help="Every connection of this peer.")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Every connection of the node.")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="What those who are closed are told.")] = "",
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close connections and tell why. It takes no right away: `alknet peer disable` does."""
    if sum((connection is not None, peer is not None, everybody)) != 1:
        fail("give one of ID, --peer NAME and --all", EXIT_USAGE)
    if len(reason) > MAX_REASON:
        fail(f"--reason: longer than {MAX_REASON} characters", EXIT_USAGE)
    wanted = {"id": connection, "peer": peer, "all": everybody, "reason": reason}
    with running_node(data, config) as node:
        closed = ask(node, "node/disconnect", wanted)["closed"]
    _show(closed, "Nobody is connected." if everybody else "No such connection.", as_json=as_json)
    if not closed:
        raise typer.Exit(EXIT_FAILED)


def _show(closed: Any, none: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"closed": closed}))
    elif closed:
        typer.echo(f"Closed {closed} connection{'' if closed == 1 else 's'}.")
    else:
        typer.echo(none, err=True)
