"""`alknet access …`: may somebody do something, which rule decides, what must go on being so; rights for a while.

Exit status of `check`: 0 they may, 1 they may not (or the question was refused), 2 wrong usage.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from node.cli.expiry import end_options, until_minute
from node.cli.load import settings_or_fail
from node.cli.manage import request
from node.cli.options import EXIT_FAILED, EXIT_USAGE, DataOption, JsonOption, fail
from node.cli.table import table
from node.core.text import printable

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


ScopesOption = Annotated[list[str] | None, typer.Option("--scope", metavar="SCOPE", help="May be repeated.")]
ResourceOption = Annotated[str, typer.Option("--resource", metavar="KIND[/NAME]", help="Such as repo/web.")]


@app.callback()
def access() -> None:
    """Ask what the node would say, and why; and have what must stay so guarded."""


@app.command()
def check(
    who: Annotated[str, typer.Argument(metavar="PEER", help="A peer's name, an API key's prefix, or a key.")],
    *,
    alpn: Annotated[str, typer.Option("--alpn", metavar="NAME", help="A protocol, such as alknet/call.")] = "",
    scope: ScopesOption = None,
    resource: ResourceOption = "",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """May PEER connect, and has it these rights at this moment? Without options: who the node takes it for."""
    kind, _, name = resource.partition("/")
    wish = {"who": who, "alpn": alpn, "scopes": scope or [], "resource_type": kind, "resource": name}
    found = request(settings_or_fail(data), "access", "check", wish)
    typer.echo(json.dumps(found) if as_json else "\n".join(_lines(found)))
    if not found["allowed"]:
        raise typer.Exit(EXIT_FAILED)


@app.command("assert")
def add_assertion(
    who: Annotated[str, typer.Argument(metavar="PEER", help="A peer's name, or an API key's prefix.")],
    *,
    scope: ScopesOption = None,
    resource: ResourceOption = "",
    must_not: Annotated[bool, typer.Option("--must-not", help="PEER must not get these rights.")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; for administrators.")] = "",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """From now on no change may take these rights from PEER. They have to be there now."""
    kind, _, name = resource.partition("/")
    wish = {"who": who, "scopes": scope or [], "resource_type": kind, "resource": name}
    found = request(settings_or_fail(data), "access", "assert", wish | {"allowed": not must_not, "reason": reason})
    typer.echo(json.dumps(found) if as_json else f"Asserted: {found['sentence']} ({found['id']})")


@app.command()
def assertions(*, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List what must go on being so."""
    found = request(settings_or_fail(data), "access", "assertions", {})
    if as_json:
        typer.echo(json.dumps(found))
    elif not found:
        typer.echo("Nothing is asserted.")
    else:
        rows = [(one["id"], one["sentence"], "yes" if one["holds"] else "no", one["reason"]) for one in found]
        typer.echo(table(("ID", "ASSERTION", "HOLDS", "REASON"), rows))


@app.command()
def unassert(
    assertion_id: Annotated[str, typer.Argument(metavar="ID", help="As alknet access assertions shows it.")],
    *,
    data: DataOption = None,
) -> None:
    """Remove an assertion: what it forbade can be done again."""
    request(settings_or_fail(data), "access", "unassert", {"id": assertion_id})
    typer.echo("Removed.")


@app.command()
def grant(
    peer: Annotated[str, typer.Argument(metavar="PEER", help="A peer's name.")],
    *,
    scope: ScopesOption = None,
    resource: Annotated[str, typer.Option("--resource", metavar="KIND/NAME", help="Such as repo/web.")] = "",
    span: Annotated[str, typer.Option("--for", metavar="SPAN", help="How long: 30m, 2h, 7d; 30d at most.")] = "",
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="2027-01-31, or 2027-01-31T12:00+01:00.")] = "",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; for administrators.")] = "",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give PEER exactly these rights for a while. They end by themselves."""
    if bool(span) is bool(until):
        fail("until when? Say --for or --until", EXIT_USAGE)
    kind, _, name = resource.partition("/")
    wish = {"peer_id": peer, "scopes": scope or [], "resource_type": kind, "resource": name, "reason": reason}
    found = request(settings_or_fail(data), "access", "grant", wish | end_options(span, until))
    typer.echo(json.dumps(found) if as_json else f"Granted: {printable(found['sentence'])} ({found['id']})")


@app.command()
def grants(*, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List what peers have for a while, and what they had until it ended."""
    found = request(settings_or_fail(data), "access", "grants", {})
    if as_json:
        typer.echo(json.dumps(found))
    elif not found:
        typer.echo("Nothing is granted.")
    else:
        rows = [(one["id"], one["peer_id"], _gives(one), _until(one), one["reason"]) for one in found]
        typer.echo(table(("ID", "PEER", "HAS", "UNTIL", "REASON"), rows))


@app.command()
def revoke(
    grant_id: Annotated[str, typer.Argument(metavar="ID", help="As alknet access grants shows it.")],
    *,
    data: DataOption = None,
) -> None:
    """End a grant now: what it gave is gone, and connections that it carried close."""
    request(settings_or_fail(data), "access", "revoke", {"id": grant_id})
    typer.echo("Revoked.")


def _gives(found: Mapping[str, Any]) -> str:
    resource = f"{found['resource_type']}/{found['resource']}" if found["resource_type"] else ""
    return ", ".join([*found["scopes"], *filter(None, (resource,))])


def _until(found: Mapping[str, Any]) -> str:
    return ("" if found["holds"] else "ended ") + until_minute(found["expires_at"])


def _lines(found: Mapping[str, Any], depth: int = 0) -> list[str]:
    verdict = ("allowed" if found["allowed"] else "refused") if depth == 0 else "yes" if found["allowed"] else "no"
    name = f"{found['step']}: " if found["step"] else ""
    line = f"{'  ' * depth}{name}{verdict} ({found['rule']}): {printable(found['text'], ' ')}"
    return [line, *(below for child in found["children"] for below in _lines(child, depth + 1))]
