"""`alknet access …`: may somebody do something, and which rule decides.

Exit status of `check`: 0 they may, 1 they may not (or the question was refused), 2 wrong usage.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from node.cli.load import settings_or_fail
from node.cli.manage import request
from node.cli.options import EXIT_FAILED, DataOption, JsonOption
from node.core.text import printable

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


@app.callback()
def access() -> None:
    """Ask what the node would say, and why."""


@app.command()
def check(
    who: Annotated[str, typer.Argument(metavar="PEER", help="A peer's name, an API key's prefix, or a key.")],
    *,
    alpn: Annotated[str, typer.Option("--alpn", metavar="NAME", help="A protocol, such as alknet/call.")] = "",
    scope: Annotated[list[str] | None, typer.Option("--scope", metavar="SCOPE", help="May be repeated.")] = None,
    resource: Annotated[str, typer.Option("--resource", metavar="KIND[/NAME]", help="Such as repo/web.")] = "",
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


def _lines(found: Mapping[str, Any], depth: int = 0) -> list[str]:
    verdict = ("allowed" if found["allowed"] else "refused") if depth == 0 else "yes" if found["allowed"] else "no"
    name = f"{found['step']}: " if found["step"] else ""
    line = f"{'  ' * depth}{name}{verdict} ({found['rule']}): {printable(found['text'], ' ')}"
    return [line, *(below for child in found["children"] for below in _lines(child, depth + 1))]
