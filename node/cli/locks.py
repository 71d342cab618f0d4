"""`alknet locks`: what is locked, until when, by whom and why."""

import json
from typing import Annotated, Any

import typer

from node.cli.load import settings_or_fail
from node.cli.lock_words import SHORT_ID, moment, what_words
from node.cli.manage import request
from node.cli.options import DataOption, JsonOption
from node.cli.table import table

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def locks(
    *,
    holding: Annotated[bool, typer.Option("--holding", help="Without those that have come to their end.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the locks, the newest first."""
    found = [lock for lock in request(settings_or_fail(data), "locks", "list", {}) if lock["holds"] or not holding]
    if as_json:
        typer.echo(json.dumps(found))
    elif found:
        typer.echo(table(("ID", "WHAT", "UNTIL", "BY", "REASON", "MESSAGE"), [_row(lock) for lock in found]))
    else:
        typer.echo("Nothing is locked.")


def _row(lock: dict[str, Any]) -> tuple[str, ...]:
    end = lock["expires_at"]
    until = "unlocked by hand" if end is None else moment(end)
    state = until if lock["holds"] else f"ended {until}"
    return lock["id"][:SHORT_ID], what_words(lock), state, lock["created_by"], lock["reason"], lock["message"]
