"""`alknet audit …`: the log of administrative changes, and what proves that nobody edited it.

Exit status: 0 done, and what was verified holds; 1 it does not, or nothing was done; 2 wrong usage or settings.
"""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from node.cli.load import settings_or_fail
from node.cli.manage import request
from node.cli.options import EXIT_FAILED, DataOption, JsonOption, fail
from node.cli.table import table
from node.core.text import printable
from node.private_file import new_private

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)

_HEADER = ("ROW", "TIME (UTC)", "WHO", "VIA", "WHAT", "WHICH")


@app.callback()
def audit() -> None:
    """The log of administrative changes: list it, verify it, export it, have it signed."""


@app.command("list")
def list_(  # noqa: PLR0913 - each is an option
    *,
    actor: Annotated[str | None, typer.Option("--actor", metavar="NAME", help="By whom.")] = None,
    action: Annotated[str | None, typer.Option("--action", metavar="ACTION", help="What, such as peer.added.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", metavar="KIND", help="Of what, such as peer.")] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Of which.")] = None,
    request_id: Annotated[str | None, typer.Option("--request", metavar="ID", help="Of one request.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="From then on; UTC.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before then; UTC.")] = None,
    before: Annotated[int | None, typer.Option("--before", metavar="ROW", min=1, help="Before this row.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="So many.")] = 50,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List changes, the newest first."""
    values = {
        "actor": actor,
        "action": action,
        "object_type": kind,
        "object_id": name,
        "request_id": request_id,
        "since": since,
        "until": until,
        "before": before,
        "limit": limit,
    }
    found = request(settings_or_fail(data), "audit", "list", values)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo(table(_HEADER, map(_row, found)) if found else "No change is like that.")


@app.command()
def verify(
    *,
    keys: Annotated[
        list[str] | None, typer.Option("--key", metavar="FINGERPRINT", help="A node that may have signed; repeatable.")
    ] = None,
    exports: Annotated[
        list[Path] | None,
        typer.Option("--export", metavar="FILE", help="An export, all of whose rows must be there; repeatable."),
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify the whole log and its checkpoints. Ends with 1 where something is not as it was written."""
    loaded = settings_or_fail(data)
    progress = _tell_progress if sys.stderr.isatty() else None
    asked = {"keys": keys or [], "exports": [_end_of(file) for file in exports or ()]}
    found = request(loaded, "audit", "verify", asked, progress=progress)
    if progress is not None:
        typer.echo("\r\x1b[K", nl=False, err=True)
    typer.echo(json.dumps(found) if as_json else "\n".join(_told(found)))
    if not found["holds"]:
        raise typer.Exit(EXIT_FAILED)


@app.command()
def export(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A new file, or - for standard output.")],
    *,
    data: DataOption = None,
) -> None:
    """Write the log and its checkpoints as NDJSON, whole or not at all, for others to keep and to verify."""
    loaded = settings_or_fail(data)
    if file == "-":
        request(loaded, "audit", "export", {}, progress=_write_out)
        return
    path = Path(file).expanduser().absolute()
    try:
        with new_private(path) as written:
            request(loaded, "audit", "export", {}, progress=_into(written))
    except FileExistsError:
        fail(f"{path} is there already, and is left as it is")
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}")


@app.command()
def checkpoint(*, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Have the node sign the log as it is now. It must run, with its vault unlocked."""
    made = request(settings_or_fail(data), "audit", "checkpoint", {})
    typer.echo(json.dumps(made) if as_json else _signed(made))


def _end_of(file: Path) -> Mapping[str, Any]:
    """How an export ends: the number and the hash of its last row, which stand for all rows before it."""
    line = b""
    try:
        with file.expanduser().open("rb") as lines:
            for line in lines:  # noqa: B007 - the last one is the end
                pass
        end = json.loads(line)
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}")
    except (ValueError, RecursionError):
        end = None
    if not isinstance(end, dict) or end.get("type") != "end":
        fail(f"{file} is no export of an audit log, or not a whole one")
    return {"rows": end.get("rows"), "hash": end.get("hash")}


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    who = entry["actor_name"].removeprefix(f"{entry['actor_kind']}:")
    moment = entry["at"][:19].replace("T", " ")
    return str(entry["number"]), moment, who, entry["actor_kind"], entry["action"], entry["object_id"]


def _told(found: Mapping[str, Any]) -> list[str]:
    """What a verification has found, in lines for people."""
    rows, broken, signed = found["rows"], found["broken"], found["signed"]
    lines = [f"Rows 1 to {rows} hold." if rows else "No row holds." if broken else "The log is empty."]
    if broken is not None:
        lines.append(f"BROKEN at row {broken['number']}: {broken['fault']}. {broken['words']}")
    lines += [f"BROKEN: checkpoint {bad['id']}: {bad['words']}" for bad in found["bad_checkpoints"]]
    lines.append("No checkpoint: alknet audit checkpoint" if signed is None else _signed(signed))
    if len(found["signers"]) > 1:
        lines.append(f"Signed by several keys: {', '.join(found['signers'])}")
    return [printable(line) for line in lines]


def _signed(made: Mapping[str, Any]) -> str:
    return printable(f"Rows up to {made['number']} were signed on {made['signed_at']} by {made['fingerprint']}.")


def _tell_progress(step: Mapping[str, Any]) -> None:
    typer.echo(f"\r{step['rows']} rows", nl=False, err=True)


def _into(file: IO[bytes]) -> Callable[[Mapping[str, Any]], None]:
    def write(piece: Mapping[str, Any]) -> None:
        file.write(piece["lines"].encode())

    return write


def _write_out(piece: Mapping[str, Any]) -> None:
    sys.stdout.write(piece["lines"])
    sys.stdout.flush()
