"""`alknet peer invite`: a one-time code by which a new machine becomes a peer, also as a picture to be scanned."""

import io
import json
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from node.cli.expiry import expiry_option, span_option, until_minute
from node.cli.options import EXIT_USAGE, fail
from node.cli.table import table
from node.core.text import printable

SpanOption = Annotated[str, typer.Option("--for", metavar="SPAN", help="How long the code is good: 30m, 2h, 7d.")]
UsesOption = Annotated[int, typer.Option("--uses", metavar="N", min=1, help="How many machines may use it.")]
AdmitOption = Annotated[bool, typer.Option("--admit", help="Let them in at once; else somebody has to approve.")]
AddressOption = Annotated[
    str, typer.Option("--address", metavar="HOST:PORT", help="Where the new machine reaches this node.")
]
NoteOption = Annotated[str, typer.Option("--note", metavar="TEXT", help="What it is for; for administrators.")]
PeerForOption = Annotated[
    str, typer.Option("--peer-for", metavar="SPAN", help="So long each peer holds once it is admitted: 12h, 30d.")
]
PeerUntilOption = Annotated[
    str, typer.Option("--peer-until", metavar="TIME", help="When the peers end: a date or a time; in UTC.")
]
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
QrOption = Annotated[bool | None, typer.Option("--qr/--no-qr", help="Show it as a picture; on a terminal by default.")]


def peer_end(span: str, until: str) -> dict[str, Any]:
    """`--peer-for` and `--peer-until`, as the management command takes them."""
    if span and until:
        fail("give one of --peer-for and --peer-until", EXIT_USAGE)
    if span:
        return {"peer_seconds": span_option("--peer-for", span)}
    return {"peer_expires_at": expiry_option("--peer-until", until)} if until else {}


def show_invite(made: dict[str, Any], *, qr: bool | None, as_json: bool) -> None:
    """The code is shown this once: on stdout alone, what is said of it on stderr."""
    if as_json:
        typer.echo(json.dumps(made))
        return
    if sys.stdout.isatty() if qr is None else qr:
        typer.echo(picture(made["code"]))
    typer.echo(made["code"])
    uses = "one machine" if made["uses"] == 1 else f"{made['uses']} machines"
    end = "waits for approval" if made["needs_approval"] else "is admitted at once"
    typer.echo(printable(f"On the new machine: alknet join. The code is for {uses}, which {end}."), err=True)
    if made["peer_expires_at"] is not None:
        typer.echo(printable(f"Its peers end {until_minute(made['peer_expires_at'])}."), err=True)
    if made["peer_seconds"] is not None:
        typer.echo(f"Each of its peers ends {_span(made['peer_seconds'])} after its admission.", err=True)
    typer.echo("It is shown this once.", err=True)


def _span(seconds: float) -> str:
    """“30 days”, “12 hours”: in the largest unit of which it is a whole number."""
    unit, size = next((name, size) for name, size in _UNITS if seconds % size == 0 or size == 1)
    count = round(seconds / size)
    return f"{count} {unit}{'' if count == 1 else 's'}"


def invite_table(found: list[dict[str, Any]]) -> str:
    """Invitations for people."""
    return table(
        ("INVITATION", "STATE", "USES LEFT", "UNTIL (UTC)", "ASKS", "PEER", "NOTE"), [_row(one) for one in found]
    )


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    until = datetime.fromtimestamp(one["expires_at"], UTC).strftime("%Y-%m-%d %H:%M")
    left, asks = f"{one['uses_left']} of {one['uses']}", "yes" if one["needs_approval"] else "no"
    return one["id"], one["state"], left, until, asks, one["peer_id"] or "", one["note"]


def picture(code: str) -> str:
    """A QR code of half blocks, dark on light. In capitals it needs less room, and means the same."""
    import segno  # noqa: PLC0415 - for those who look at a picture only

    out = io.StringIO()
    segno.make(code.upper(), error="m", micro=False).terminal(out, compact=True)
    return out.getvalue().rstrip("\n")
