"""`alknet claim …`: machines that came with a one-time code and wait for somebody to decide."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from node.cli.load import settings_or_fail
from node.cli.manage import request
from node.cli.options import DataOption, JsonOption
from node.cli.table import table
from node.core.text import printable

SHORT_ID = 12
"""Characters of an id that are shown; so many name a claim as well as all of them."""
_HEADER = ("CLAIM", "DIGITS", "STATE", "NAME", "FROM", "MADE (UTC)", "WHY")

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)

Claim = Annotated[str, typer.Argument(metavar="ID", help="The claim's id, or its beginning; see alknet claim list.")]


@app.callback()
def claim() -> None:
    """Machines that came with a one-time code: who waits, and who is let in."""


@app.command("list")
def list_(
    *,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those on which nobody has decided.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the claims, what has waited longest first."""
    found = [row for row in _ask("claims", {}, data) if not waiting or row["state"] == "queued"]
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo(
            table(("CLAIM", "DIGITS", "STATE", "NAME", "FROM", "MADE (UTC)", "WHY"), [_row(row) for row in found])
        )


@app.command()
def approve(
    claim_id: Claim,
    digits: Annotated[list[str], typer.Argument(metavar="DIGITS", help="The nine digits that the machine shows.")],
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What to call the peer.")] = "",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a machine in whose digits you have compared."""
    wish = {"id": claim_id, "sas": _spaced("".join(digits)), **({"peer_id": name} if name else {})}
    made = _ask("approve", wish, data)
    typer.echo(json.dumps(made) if as_json else printable(f"Admitted as {made['peer_id']}."))


@app.command()
def refuse(claim_id: Claim, *, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Decline a claim for good."""
    gone = _ask("refuse", {"id": claim_id}, data)
    typer.echo(json.dumps(gone) if as_json else "Declined.")


def _ask(action: str, values: dict[str, Any], data: Path | None) -> Any:
    return request(settings_or_fail(data), "invites", action, values)


def _spaced(digits: str) -> str:
    """The digits as the claim has them, however they were typed."""
    plain = "".join(char for char in digits if char.isascii() and char.isdigit())
    return " ".join(plain[at : at + 3] for at in range(0, len(plain), 3))


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    made = datetime.fromtimestamp(row["at"], UTC).strftime("%Y-%m-%d %H:%M")
    name = row["peer_id"] or row["name"] or ""
    return row["id"][:SHORT_ID], row["sas"], row["state"], name, row["address"], made, row["why"]
