"""`alknet token …`: bearer tokens of the REST API. Runs the same services as the panel."""

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
def token() -> None:
    """Tokens by which programs call the REST API."""


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What uses it, such as backup-script.")],
    *,
    right: Annotated[
        list[str] | None, typer.Option("--right", metavar="RIGHT", help="Such as peers:write. Repeatable.")
    ] = None,
    owner: Annotated[
        str, typer.Option("--owner", metavar="USER", help="A user of the panel whose rights bound the token's.")
    ] = "",
    network: Annotated[
        list[str] | None,
        typer.Option("--network", metavar="CIDR", help="From where it may be used, such as 10.0.0.0/8. Repeatable."),
    ] = None,
    expires: Annotated[
        str, typer.Option("--expires", metavar="SPAN|DATE|never", help="30d, 12h, 2027-01-31 (UTC) or never.")
    ] = "90d",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token. It is shown once, now."""
    values = {"name": name, "rights": right or [], "owner": owner, "networks": network or []}
    made = _ask("create", values | {"expires_at": expiry_option("--expires", expires)}, data)
    if as_json:
        typer.echo(json.dumps(made))
        return
    typer.echo(made["token"])
    typer.echo(f"This is the token {made['id']}, shown this once. It {_ends(made)}.", err=True)


@app.command("list")
def list_(*, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List the tokens by their public ids."""
    found = _ask("list", {}, data)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        heads = ("ID", "NAME", "OWNER", "EXPIRES", "LAST USED", "RIGHTS")
        typer.echo(table(heads, [_row(entry) for entry in found]))


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="See alknet token list.")],
    *,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke a token; it stops working at once."""
    revoked = _ask("revoke", {"id": token_id}, data)
    typer.echo(json.dumps(revoked) if as_json else f"Revoked {printable(token_id)} ({printable(revoked['name'])}).")


def _ask(action: str, values: dict[str, Any], data: Path | None) -> Any:
    return request(settings_or_fail(data), "api_tokens", action, values)


def _ends(entry: dict[str, Any]) -> str:
    end = until_minute(entry["expires_at"])
    return "never expires" if end == "never" else f"expires on {end}"


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    used = entry["last_used_at"]
    seen = "never" if used is None else f"{used} from {entry['last_address']}"
    until = until_minute(entry["expires_at"])
    return entry["id"], entry["name"], entry["owner"], until, seen, " ".join(entry["rights"])
