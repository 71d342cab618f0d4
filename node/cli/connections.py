"""`alknet connections`: who is connected to the running node. Exit status: 0 an answer, 1 none, 2 wrong settings."""

import json
import sys
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from node.cli.local_node import ask, running_node
from node.cli.options import ConfigOption, DataOption, JsonOption
from node.cli.table import size, table
from node.control.client import ControlClient

LOOK_EVERY = 1.0
"""Seconds between two looks of --watch."""
_HEADER = ("ID", "PEER", "PROTOCOL", "ADDRESS", "SINCE (UTC)", "RECEIVED", "SENT")
_CLEAR = "\x1b[H\x1b[2J"

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def connections(
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again whenever it changes, until Ctrl-C.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the live connections of the node; the ID is what `alknet disconnect` takes."""
    with running_node(data, config) as node:
        found = live_connections(node)
        _show(found, as_json=as_json, watch=watch)
        while watch:
            time.sleep(LOOK_EVERY)
            before, found = found, live_connections(node)
            if found != before:
                _show(found, as_json=as_json, watch=watch)


def live_connections(node: ControlClient) -> list[dict[str, Any]]:
    """All of them, page by page."""
    found: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = ask(node, "node/connections", {"after": after})
        found += page["connections"]
        after = page["next"]
    return found


def _show(found: list[dict[str, Any]], *, as_json: bool, watch: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"connections": found}))
        return
    if watch and sys.stdout.isatty():
        typer.echo(_CLEAR, nl=False)
    typer.echo(table(_HEADER, map(_row, found)) if found else "Nobody is connected.")


def _row(live: dict[str, Any]) -> tuple[str, ...]:
    since = f"{datetime.fromtimestamp(live['since'], UTC):%Y-%m-%d %H:%M:%S}"
    who = live["peer"] or "(stranger)"
    counts = (size(live.get(name)) for name in ("bytes_received", "bytes_sent"))
    return str(live["id"]), who, live["alpn"], live["remote_address"] or "-", since, *counts
