"""`alknet peer expire`, `rotate` and `note`: up to when a peer and its keys hold, and what is known about it."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from node.cli.expiry import end_options, span_option, until_minute
from node.cli.key_input import one_key
from node.cli.load import settings_or_fail
from node.cli.manage import request
from node.cli.options import EXIT_USAGE, DataOption, JsonOption, fail
from node.core.text import printable

Name = Annotated[str, typer.Argument(metavar="NAME", help="The peer's name.")]
_KEY = "an ssh-ed25519 line, PEM text, a fingerprint, @FILE, or - for stdin."


def expire(
    name: Name,
    *,
    span: Annotated[str, typer.Option("--for", metavar="SPAN", help="From now on for so long: 12h, 30d, 8w.")] = "",
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="Up to a date or a time, such as 2027-01-31; in UTC.")
    ] = "",
    never: Annotated[bool, typer.Option("--never", help="Without an end.")] = False,
    key: Annotated[str, typer.Option("--key", metavar="KEY", help=f"Only this key of it: {_KEY}")] = "",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a peer, or one key of it, end by itself: its connections close then, as if it were disabled."""
    wish: dict[str, Any] = {"peer_id": name, **_end(span, until, never=never)}
    if key:
        wish["key"] = one_key("--key", key)
    state = request(settings_or_fail(data), "peers", "expire", wish)
    what = f"that key of {name}" if key else name
    ends = [state["key_expires_at"].get(found) for found in state["fingerprints"]] if key else [state["expires_at"]]
    told = f"{what} has no end." if never else f"{what} ends {_moments(ends)}."
    _tell(state, told[0].upper() + told[1:] if key else told, as_json=as_json)


def rotate(
    name: Name,
    *,
    old: Annotated[str, typer.Option("--old", metavar="KEY", help=f"The key that goes: {_KEY}")],
    new: Annotated[str, typer.Option("--new", metavar="KEY", help="The key that comes, in any of these forms.")],
    overlap: Annotated[
        str, typer.Option("--overlap", metavar="SPAN", help="So long the old key holds yet; 0 for not at all.")
    ] = "24h",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a peer a new key. The old one holds for a while yet; then its connections close."""
    wish = {"peer_id": name, "old": one_key("--old", old), "new": one_key("--new", new), "overlap": _overlap(overlap)}
    state = request(settings_or_fail(data), "peers", "rotate", wish)
    until = f"; the old one holds for {overlap} yet" if wish["overlap"] else "; the old one is gone"
    _tell(state, f"{name} has a new key{until}.", as_json=as_json)


def note(
    name: Name,
    text: Annotated[str, typer.Argument(metavar="TEXT", help='What to note; "" removes it.')],
    *,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note something about a peer, for administrators; it replaces what was noted before."""
    state = request(settings_or_fail(data), "peers", "note", {"peer_id": name, "notes": text})
    _tell(state, f"Noted about {name}." if state["notes"] else f"Nothing is noted about {name}.", as_json=as_json)


def end_words(end: float | None) -> str:
    """“until 2027-01-31 12:00 UTC”, or that it has ended; empty where there is no end."""
    if end is None:
        return ""
    moment = _moments([end])
    return f"until {moment}" if end > datetime.now(UTC).timestamp() else f"ended {moment}"


def _moments(ends: list[float | None]) -> str:
    """The last of these ends that is known."""
    return until_minute(max((end for end in ends if end is not None), default=0.0))


def _end(span: str, until: str, *, never: bool) -> dict[str, Any]:
    """The end as the management command takes it."""
    if sum(map(bool, (span, until, never))) != 1:
        fail("give one of --for, --until and --never", EXIT_USAGE)
    return end_options(span, until)


def _overlap(text: str) -> float:
    return 0.0 if text == "0" else span_option("--overlap", text)


def _tell(state: dict[str, Any], sentence: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(state) if as_json else printable(sentence))
