"""`alknet peer import` and `alknet peer export`: many peers at once, as TOML, CSV or authorized_keys."""

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from node.cli.load import settings_or_fail
from node.cli.manage import request
from node.cli.options import EXIT_USAGE, DataOption, JsonOption, fail
from node.core.text import printable
from node.private_file import replace_private

FORMATS = ("toml", "csv", "authorized_keys")
MAX_FILE = 32 * 1024 * 1024
"""Longest file that is sent on, in bytes; the services say what is too long for them."""

_ENDINGS = {"toml": "toml", "csv": "csv", "tsv": "csv", "pub": "authorized_keys"}
_MARKS = {"added": "+", "changed": "~", "removed": "-"}

FormatOption = Annotated[str, typer.Option("--format", metavar="FORMAT", help=f"One of {', '.join(FORMATS)}.")]


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file; - for standard input, with --format.")],
    *,
    form: FormatOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Remove the peers that the file does not name.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add and change the peers of a file, all or none. What it does not say of a peer stays as it is."""
    values = {"format": _format(form, file), "content": base64.b64encode(_read(file)).decode()}
    wish = {**values, "dry_run": dry_run, "replace": replace}
    outcome = request(settings_or_fail(data), "peers", "import", wish)
    typer.echo(json.dumps(outcome) if as_json else "\n".join(outcome_lines(outcome)))


def export(
    *,
    form: FormatOption = "toml",
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Write it there, mode 0600.")] = None,
    data: DataOption = None,
) -> None:
    """Write all peers as a file that can be imported again. Tokens are not in it."""
    content = request(settings_or_fail(data), "peers", "export", {"format": _format(form)})["content"].encode()
    if output is None:
        sys.stdout.buffer.write(content)
        return
    try:
        replace_private(output, content)
    except OSError as error:
        fail(f"{output} cannot be written: {error.strerror}")


def outcome_lines(outcome: dict[str, Any]) -> Iterator[str]:
    """A line for each peer that is not as it was, one for each of its differences, and how many there are."""
    for step in outcome["steps"]:
        yield printable(f"{_MARKS[step['action']]} {step['peer_id']}")
        if step["action"] == "changed":
            yield from (printable(f"    {one['words']}") for one in step["differences"])
    if outcome["more"]:
        yield f"… and {outcome['more']} more"
    if impact := outcome.get("impact"):
        yield from _impact_lines(impact)
    counts = ", ".join(f"{outcome[name]} {name}" for name in ("added", "changed", "removed", "unchanged"))
    yield counts if outcome["done"] else f"Would be: {counts}. Nothing was changed."


def _impact_lines(impact: dict[str, Any]) -> Iterator[str]:
    """Which open connections would close, and which grants and rules would go, each after a mark of its own."""
    if not impact["known"]:
        yield "The node does not run, so which connections are open is not known."
    for one in impact["closing"]:
        yield printable(f"x {one['peer_id']} by {one['alpn']} from {one['address']}: {one['reason']}")
    if unsaid := impact["closes"] - len(impact["closing"]):
        yield f"x {unsaid} open connections{' more' if impact['closing'] else ''}"
    for one in impact["grants"]:
        yield printable(f"x grant of {one['peer_id']}: {one['words']}")
    if unsaid := impact["grants_go"] - len(impact["grants"]):
        yield f"x {unsaid} grants{' more' if impact['grants'] else ''}"
    for one in impact["rules"]:
        yield printable(f"x forwarding rule of {one['peer_id']}: {one['words']}")
    if unsaid := impact["rules_go"] - len(impact["rules"]):
        yield f"x {unsaid} names in forwarding rules{' more' if impact['rules'] else ''}"


def _format(form: str, file: Path | None = None) -> str:
    """What the option says, or the file's name."""
    if form in FORMATS:
        return form
    if form or file is None:
        fail(f"--format {form}: expected one of {', '.join(FORMATS)}", EXIT_USAGE)
    if "authorized_keys" in file.name:
        return "authorized_keys"
    return _ENDINGS.get(file.suffix[1:].lower()) or fail(
        f"the name {file} does not tell the format: give --format {'|'.join(FORMATS)}", EXIT_USAGE
    )


def _read(file: Path) -> bytes:
    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read(MAX_FILE + 1)
        else:
            with file.expanduser().open("rb") as opened:
                content = opened.read(MAX_FILE + 1)
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}", EXIT_USAGE)
    return content if len(content) <= MAX_FILE else fail(f"{file} is longer than {MAX_FILE} bytes", EXIT_USAGE)
