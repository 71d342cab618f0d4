"""`alknet key …`: API keys, tokens that are identities of their own."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from node.cli.expiry import expiry_option, until_minute
from node.cli.load import settings_or_fail
from node.cli.manage import request
from node.cli.options import DataOption, JsonOption
from node.cli.table import table
from node.core.text import printable

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


@app.callback()
def key() -> None:
    """API keys: tokens that need no peer."""


@app.command()
def add(
    *,
    description: Annotated[str, typer.Option("--description", metavar="TEXT", help="What it is for.")] = "",
    scope: Annotated[list[str] | None, typer.Option("--scope", metavar="SCOPE", help="A right. Repeatable.")] = None,
    expires: Annotated[
        str, typer.Option("--expires", metavar="SPAN|DATE|never", help="30d, 12h, 2027-01-31 (UTC) or never.")
    ] = "never",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an API key. It is shown once, now."""
    values = {"description": description, "scopes": scope or [], "expires_at": expiry_option("--expires", expires)}
    made = _ask("add", values, data)
    if as_json:
        typer.echo(json.dumps(made))
        return
    typer.echo(made["key"])
    typer.echo(f"This is the key of {made['prefix']}, shown this once.", err=True)


@app.command("list")
def list_(*, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List the API keys by their public prefixes."""
    found = _ask("list", {}, data)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo(table(("PREFIX", "DESCRIPTION", "EXPIRES", "SCOPES"), [_row(entry) for entry in found]))


@app.command()
def remove(
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="The first eight characters.")],
    *,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove an API key; it stops working at once."""
    removed = _ask("remove", {"prefix": prefix}, data)
    typer.echo(json.dumps(removed) if as_json else f"Removed {printable(prefix)}.")


def _ask(action: str, values: dict[str, Any], data: Path | None) -> Any:
    return request(settings_or_fail(data), "api_keys", action, values)


def _row(entry: dict[str, Any]) -> tuple[str, str, str, str]:
    until = until_minute(entry["expires_at"])
    return entry["prefix"], entry["description"] or "", until, " ".join(entry["scopes"])
