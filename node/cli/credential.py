"""`alknet credential …`: secrets for other services, sealed by the node. Every command runs the panel's own services.

A content comes from a prompt, from standard input or from a file; never from an argument, which other users of the
machine can see and shells remember.
"""

import getpass
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from node.cli.load import settings_or_fail
from node.cli.manage import request
from node.cli.options import EXIT_FAILED, EXIT_USAGE, DataOption, JsonOption, fail
from node.cli.secrets_in import text_from
from node.cli.table import table
from node.core.capabilities import Secret
from node.core.credentials import MAX_CONTENT
from node.core.text import printable
from node.custody.memory import keep_to_ourselves

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)

_MAX_PROMPTED = 4000
"""A terminal drops what goes beyond 4 095 bytes of a line, without a word."""

Provider = Annotated[str, typer.Argument(metavar="PROVIDER", help="What it opens, such as openai.")]
ToOption = Annotated[
    int | None, typer.Option("--to", metavar="N", help="Version of the key; without it, the next one.")
]


@app.callback()
def credential() -> None:
    """Secrets for other services, sealed by the node: set and used, never read back."""
    keep_to_ourselves()


@app.command("set", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def set_(
    ctx: typer.Context,
    provider: Provider,
    *,
    file: Annotated[
        str | None, typer.Option("--file", metavar="FILE", help="Read the content from a file, or - for stdin.")
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Seal a content and store it, in place of any there was. Asks for it, or reads standard input or a file."""
    if ctx.args:
        fail("the content is no argument: others can see it there. Give it to the prompt, stdin or --file", EXIT_USAGE)
    loaded = settings_or_fail(data)
    content = _content(provider, file)
    stored = request(loaded, "credentials", "set", {"provider": provider, "content": content.expose_secret()})
    typer.echo(json.dumps(stored) if as_json else _stored(stored))


@app.command("list")
def list_(*, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List the credentials: never their contents."""
    found = request(settings_or_fail(data), "credentials", "list", {})
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo(table(("PROVIDER", "KEY VERSION", "SET", "BY"), [_row(entry) for entry in found]))


@app.command()
def rotate(
    provider: Annotated[str | None, typer.Argument(metavar="[PROVIDER]", help="Only this one.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    to: ToOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Seal again under a newer version of the key. Cut off, it goes on where it was when it is called again."""
    if (provider is None) is not every:
        fail("name one PROVIDER, or give --all", EXIT_USAGE)
    run_rotation(provider, to, data, as_json=as_json)


@app.command()
def remove(provider: Provider, *, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Remove a credential; what was given it loses it at once."""
    removed = request(settings_or_fail(data), "credentials", "remove", {"provider": provider})
    typer.echo(json.dumps(removed) if as_json else f"Removed {printable(provider)}.")


def rotate_all(*, to: ToOption = None, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Seal every credential again under a newer version of the key: `alknet credential rotate --all`."""
    run_rotation(None, to, data, as_json=as_json)


def run_rotation(provider: str | None, to: int | None, data: Path | None, *, as_json: bool) -> None:
    """Rotate one, or all, with a line for each on stderr. Ends with 1 where one has failed."""
    values = {"provider": provider, "to": to}
    done = request(settings_or_fail(data), "credentials", "rotate", values, progress=_tell_step)
    typer.echo(json.dumps(done) if as_json else _summary(done))
    if done["failed"]:
        raise typer.Exit(EXIT_FAILED)


def _content(provider: str, file: str | None) -> Secret:
    if file is None and sys.stdin.isatty():
        return _prompted(provider)
    if file is None:
        return Secret(text_from(Path("-"), "standard input", MAX_CONTENT))
    return Secret(text_from(Path(file).expanduser(), f"--file {file}", MAX_CONTENT))


def _prompted(provider: str) -> Secret:
    try:
        text = getpass.getpass(f"Content of {printable(provider)} (not shown): ")
    except EOFError:
        fail("no content was given")
    if len(text.encode(errors="surrogateescape")) > _MAX_PROMPTED or text.startswith("-----BEGIN"):
        fail("a terminal cannot take this whole, long or of several lines as it is: use --file", EXIT_USAGE)
    return Secret(text)


def _tell_step(step: Mapping[str, Any]) -> None:
    reason = f": {step['reason']}" if "reason" in step else ""
    line = f"{step['number']}/{step['of']}  {step['provider']}  {step['outcome']}{reason}"
    typer.echo(printable(line), err=True)


def _summary(done: Mapping[str, Any]) -> str:
    parts = [f"{done['rotated']} rotated to version {done['to']}"]
    parts += [
        f"{done[name]} {words}" for name, words in (("there", "there already"), ("failed", "failed")) if done[name]
    ]
    return ", ".join(parts) + "."


def _stored(entry: Mapping[str, Any]) -> str:
    return printable(f"Sealed {entry['provider']} under version {entry['key_version']} of the key.")


def _row(entry: Mapping[str, Any]) -> tuple[str, str, str, str]:
    moment = entry["changed_at"][:16].replace("T", " ") + " UTC"
    return entry["provider"], str(entry["key_version"]), moment, entry["changed_by"]
