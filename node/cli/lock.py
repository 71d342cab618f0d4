"""`alknet lock …`: hold something back, for a while or until `alknet unlock`. Runs the same services as the panel.

Exit status: 0 it is locked, 1 it was refused, 2 wrong usage or no confirmation.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from node.cli.expiry import end_options
from node.cli.load import settings_or_fail
from node.cli.lock_words import SHORT_ID, until_words, what_words
from node.cli.manage import request
from node.cli.options import EXIT_USAGE, DataOption, JsonOption, fail
from node.core.text import printable

CONFIRMATION = "lock everything"
"""What has to be typed before everything is locked."""

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)

ForOption = Annotated[str, typer.Option("--for", metavar="SPAN", help="How long: 30m, 2h, 7d. Else until unlocked.")]
UntilOption = Annotated[str, typer.Option("--until", metavar="DATE", help="2027-01-31, or 2027-01-31T12:00+01:00.")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; for administrators only.")]
MessageOption = Annotated[str, typer.Option("--message", metavar="TEXT", help="What the refused side is shown.")]


@app.callback()
def lock() -> None:
    """Hold back a peer, a scope, a protocol, a credential or everything. See also alknet locks, alknet unlock."""


def _command_for(kind: str, metavar: str, what: str, effect: str) -> None:
    """A command that locks one target of this kind; `what` is said of its name, `effect` of the command."""

    @app.command(kind, help=effect)
    def lock_one(
        name: Annotated[str, typer.Argument(metavar=metavar, help=what)],
        *,
        span: ForOption = "",
        until: UntilOption = "",
        reason: ReasonOption = "",
        message: MessageOption = "",
        data: DataOption = None,
        as_json: JsonOption = False,
    ) -> None:
        wish = {"target_kind": kind, "target": name, "reason": reason, "message": message, **_end(span, until)}
        _place(wish, data, as_json=as_json)


for _row in (
    (
        "peer",
        "NAME",
        "The peer's name, or an API key's prefix.",
        "Close a peer's connections, and refuse others of it with the message.",
    ),
    (
        "scope",
        "SCOPE",
        "A right, spelled as the peers have it.",
        "Take a scope from everybody who has it. Connections stay; what needs the scope is denied.",
    ),
    (
        "alpn",
        "ALPN",
        "A protocol, such as alknet/call.",
        "Close a protocol's connections, and refuse others with the message.",
    ),
    (
        "credential",
        "PROVIDER",
        "See alknet credential list.",
        "Take a credential out of every handler's hands.",
    ),
):
    _command_for(*_row)


@app.command()
def everything(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for programs.")] = False,
    span: ForOption = "",
    until: UntilOption = "",
    reason: ReasonOption = "",
    message: MessageOption = "",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close every connection and refuse all others. The panel and this command go on working."""
    wish = {"target_kind": "everything", "target": "", "reason": reason, "message": message, **_end(span, until)}
    if not yes:
        _confirm()
    _place(wish, data, as_json=as_json)


def _place(wish: dict[str, Any], data: Path | None, *, as_json: bool) -> None:
    placed = request(settings_or_fail(data), "locks", "lock", wish)
    if as_json:
        typer.echo(json.dumps(placed))
        return
    typer.echo(printable(f"Locked {what_words(placed)} {until_words(placed)}."))
    typer.echo(f"To unlock it: alknet unlock {placed['id'][:SHORT_ID]}", err=True)


def _end(span: str, until: str) -> dict[str, Any]:
    """The end of a lock as the management command takes it."""
    if span and until:
        fail("give one of --for and --until", EXIT_USAGE)
    return end_options(span, until)


def _confirm() -> None:
    if not sys.stdin.isatty():
        fail("locking everything asks for a confirmation: run it in a terminal, or give --yes", EXIT_USAGE)
    typer.echo("This closes every connection of the node and refuses all others, yours included.", err=True)
    if typer.prompt(f"Type “{CONFIRMATION}” to do it", err=True) != CONFIRMATION:
        fail("nothing was locked", EXIT_USAGE)
