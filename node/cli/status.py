"""`alknet status`: what the running node says of itself. Exit status: 0 an answer, 1 none, 2 wrong settings."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import typer

from node.cli.local_node import ask, running_node
from node.cli.options import ConfigOption, DataOption, JsonOption
from node.cli.table import table
from node.core.text import printable

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def status(*, data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show whether the node serves, its names, its vault, and what waits."""
    with running_node(data, config) as node:
        facts = ask(node, "node/status")
    if as_json:
        typer.echo(json.dumps(facts))
        return
    for name, value in _lines(facts):
        typer.echo(f"{name:<12} {printable(value)}")
    counts = {name: number for name, number in sorted(facts["metrics"].items()) if number}
    if counts:
        typer.echo()
        typer.echo(table(("COUNT", "VALUE"), ((name, str(number)) for name, number in counts.items())))


def _lines(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    node, vault = facts["node"], facts["vault"]
    yield "serving", "yes" if node["serving"] else "not yet"
    for reason in facts["waiting"]:
        yield "waits", reason
    for name in ("address", "fingerprint", "certificate", "engine"):
        yield name, node[name] or "not known yet"
    yield "started", f"{datetime.fromtimestamp(node['started_at'], UTC):%Y-%m-%d %H:%M:%S} UTC"
    yield "vault", f"{vault['state']}; the node's key is {vault['identity']}"
    yield "connections", str(facts["connections"])
    for link in facts["nodes"]:
        yield "node", f"{link['name']}: {', '.join(_link(link))}"


def _link(link: dict[str, Any]) -> Iterator[str]:
    """How the link to another node is."""
    yield link["state"]
    if link["address"]:
        yield link["address"]
    if link["operations"]:
        yield f"{link['operations']} operations imported"
    if link["error"]:
        yield link["error"]
