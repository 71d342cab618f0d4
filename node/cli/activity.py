"""`alknet activity`: what happened, as the panel has kept it. It asks the database, not the node."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from node.cli.expiry import ExpiryFormatError, parse_span
from node.cli.load import settings_or_fail
from node.cli.manage import request
from node.cli.options import EXIT_USAGE, DataOption, JsonOption, fail
from node.cli.table import table
from node.core.journal import EventKind

_HEADER = ("ID", "TIME (UTC)", "WHAT", "PEER", "PROTOCOL", "ADDRESS", "CONN", "WHY")

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def activity(  # noqa: PLR0913 - one parameter for each option
    *,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND", help=f"Only {', '.join(EventKind)}. Repeatable."),
    ] = None,
    peer: Annotated[str, typer.Option("--peer", metavar="NAME", help="Only of this peer.")] = "",
    alpn: Annotated[str, typer.Option("--alpn", metavar="ALPN", help="Only of this protocol.")] = "",
    connection: Annotated[int | None, typer.Option("--connection", metavar="ID", help="Only of this one.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="From then on: 30m, 12h, 7d or 2027-01-31T12:00.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Up to then.")] = None,
    before: Annotated[int | None, typer.Option("--before", metavar="ID", help="Only what came before this.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="So many at most.")] = 50,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what happened, the newest first: who connected, who was refused and why, what changes took effect."""
    given = {
        "kinds": kind,
        "peer_id": peer or None,
        "alpn": alpn or None,
        "connection": connection,
        "since": _moment("--since", since),
        "until": _moment("--until", until),
        "before": before,
    }
    values = {name: value for name, value in given.items() if value is not None}
    found = request(settings_or_fail(data), "activity", "list", {**values, "limit": limit})
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo(table(_HEADER, map(_row, found)) if found else "Nothing of that kind has happened.")


def _moment(option: str, text: str | None) -> str | None:
    """A span back from now, or a time; one without a zone is in UTC."""
    if text is None:
        return None
    now = datetime.now(UTC)
    try:
        return (now - parse_span(text)).isoformat()
    except ExpiryFormatError:
        pass
    except OverflowError:
        fail(f"{option}: that is too long ago", EXIT_USAGE)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option}: expected a span such as 30m or 7d, or a time such as 2027-01-31T12:00", EXIT_USAGE)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


def _row(event: dict[str, Any]) -> tuple[str, ...]:
    """A stranger has no name, and the node's own events have no peer."""
    at = event["at"][:23].replace("T", " ")
    columns = (event[name] or "-" for name in ("peer_id", "alpn", "address"))
    connection = "-" if event["connection"] is None else str(event["connection"])
    return str(event["id"]), at, event["kind"], *columns, connection, event["told"]
