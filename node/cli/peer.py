"""`alknet peer …`: who may connect. Every command runs the same services as the panel."""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from node.cli.expiry import span_option
from node.cli.invite import (
    AddressOption,
    AdmitOption,
    NoteOption,
    PeerForOption,
    PeerUntilOption,
    QrOption,
    SpanOption,
    UsesOption,
    invite_table,
    peer_end,
    show_invite,
)
from node.cli.key_input import key_texts
from node.cli.load import settings_or_fail
from node.cli.manage import request
from node.cli.options import EXIT_USAGE, DataOption, JsonOption, fail
from node.cli.peer_files import export, import_
from node.cli.peer_terms import Name, end_words, expire, note, rotate
from node.cli.table import table
from node.core.text import printable

_HEADER = ("PEER", "STATE", "CONNECTED", "LAST SEEN (UTC)", "KEYS", "SCOPES")

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
app.command("import")(import_)
app.command("export")(export)
for _command in (expire, rotate, note):
    app.command()(_command)

KeyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        "--fingerprint",
        metavar="KEY",
        help="A key: an ssh-ed25519 line, PEM text, a fingerprint, @FILE, or - for stdin. Repeatable.",
    ),
]
ScopeOption = Annotated[list[str] | None, typer.Option("--scope", metavar="SCOPE", help="A right. Repeatable.")]
ResourceOption = Annotated[
    list[str] | None, typer.Option("--resource", metavar="KIND=A,B", help="Named resources of one kind. Repeatable.")
]
DisplayNameOption = Annotated[str | None, typer.Option("--display-name", metavar="TEXT", help="A name for people.")]
DisabledOption = Annotated[bool, typer.Option("--disabled", help="Keep the entry, but let nobody in by it.")]
TokenOption = Annotated[bool, typer.Option("--token", help="Make a new bearer token; it is shown once.")]


@app.callback()
def peer() -> None:
    """Who may connect, by which keys, and to what."""


@app.command()
def add(  # noqa: PLR0913 - one parameter for each option
    name: Name,
    *,
    key: KeyOption = None,
    scope: ScopeOption = None,
    resource: ResourceOption = None,
    display_name: DisplayNameOption = None,
    disabled: DisabledOption = False,
    token: TokenOption = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a peer."""
    if "" in (key or []):
        fail("--key: expected a key; a peer without one needs no --key", EXIT_USAGE)
    values = _fields(key, scope, resource, display_name)
    _run("add", {"peer_id": name, **values, "enabled": not disabled, "token": token}, data, as_json=as_json)


@app.command()
def invite(  # noqa: PLR0913 - one parameter for each option
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the peer will be called; else it says so.")] = "",
    *,
    scope: ScopeOption = None,
    resource: ResourceOption = None,
    span: SpanOption = "1d",
    uses: UsesOption = 1,
    admit: AdmitOption = False,
    peer_for: PeerForOption = "",
    peer_until: PeerUntilOption = "",
    address: AddressOption = "",
    note: NoteOption = "",
    qr: QrOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a one-time code by which a new machine becomes a peer."""
    rights = _fields(None, scope, resource, None)
    wish = {
        "peer_id": name,
        "seconds": span_option("--for", span),
        "uses": uses,
        "needs_approval": not admit,
        "note": note,
        **peer_end(peer_for, peer_until),
    }
    made = request(settings_or_fail(data), "invites", "invite", {**rights, **wish, "address": address})
    show_invite(made, qr=qr, as_json=as_json)


@app.command()
def invites(
    *,
    revoke: Annotated[str, typer.Option("--revoke", metavar="ID", help="Make the code of this one worthless.")] = "",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the invitations, or revoke one."""
    action, values = ("revoke", {"id": revoke}) if revoke else ("list", {})
    found = request(settings_or_fail(data), "invites", action, values)
    typer.echo(json.dumps(found) if as_json else invite_table([found] if revoke else found))


@app.command("set")
def set_(  # noqa: PLR0913 - one parameter for each option
    name: Name,
    *,
    key: KeyOption = None,
    scope: ScopeOption = None,
    resource: ResourceOption = None,
    display_name: DisplayNameOption = None,
    disabled: DisabledOption = False,
    token: TokenOption = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change a peer. Each option replaces what was there, an empty text (--scope "") clears it; the rest stays."""
    values = _fields(key, scope, resource, display_name)
    switches = {"enabled": False} if disabled else {}
    issue = {"token": True} if token else {}
    _run("set", {"peer_id": name, **values, **switches, **issue}, data, as_json=as_json)


@app.command()
def show(name: Name, *, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Show one peer and every spelling of its keys."""
    _run("show", {"peer_id": name}, data, as_json=as_json)


@app.command("list")
def list_(
    *,
    search: Annotated[str, typer.Option("--search", metavar="TEXT", help="Only peers with this text.")] = "",
    enabled: Annotated[bool | None, typer.Option("--enabled/--disabled", help="Only these.")] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the peers."""
    wanted = {"search": search} if search else {}
    state = {} if enabled is None else {"enabled": enabled}
    found = _ask("list", {**wanted, **state}, data)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo(table(_HEADER, [_row(entry) for entry in found]))


@app.command()
def enable(name: Name, *, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Let a peer in again."""
    _tell("enable", {"peer_id": name}, data, None if as_json else f"Enabled {name}.")


@app.command()
def disable(name: Name, *, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Close a peer's connections at once, and take it for a stranger from now on."""
    _tell("disable", {"peer_id": name}, data, None if as_json else f"Disabled {name}.")


@app.command()
def rename(
    name: Name,
    new_name: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")],
    *,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a peer another name."""
    told = None if as_json else f"Renamed {name} to {new_name}."
    _tell("rename", {"peer_id": name, "new_peer_id": new_name}, data, told)


@app.command()
def remove(name: Name, *, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Remove a peer; its connections close at once."""
    _tell("remove", {"peer_id": name}, data, None if as_json else f"Removed {name}.")


def _ask(action: str, values: dict[str, Any], data: Path | None) -> Any:
    return request(settings_or_fail(data), "peers", action, values)


def _run(action: str, values: dict[str, Any], data: Path | None, *, as_json: bool) -> None:
    entry = _ask(action, values, data)
    typer.echo(json.dumps(entry) if as_json else _description(entry))


def _tell(action: str, values: dict[str, Any], data: Path | None, sentence: str | None) -> None:
    """Do it, then say so in one sentence; without one, print the result as JSON."""
    result = _ask(action, values, data)
    typer.echo(json.dumps(result) if sentence is None else printable(sentence))


def _fields(
    keys: list[str] | None, scopes: list[str] | None, resources: list[str] | None, display_name: str | None
) -> dict[str, Any]:
    """The fields that were given. The rules of their contents are the services', so that they are written once."""
    given = {
        "keys": None if keys is None else [key for option in keys if option for key in key_texts("--key", option)],
        "scopes": None if scopes is None else [scope for scope in scopes if scope],
        "resources": None if resources is None else _resources(resources),
    }
    named = {} if display_name is None else {"display_name": display_name or None}
    return {**{name: value for name, value in given.items() if value is not None}, **named}


def _resources(options: list[str]) -> dict[str, list[str]]:
    """The names of each kind, those of repeated options together."""
    found: dict[str, list[str]] = {}
    for option in filter(None, options):
        kind, equals, names = option.partition("=")
        if not kind or not equals:
            fail(f"--resource {option}: expected KIND=NAME,NAME", EXIT_USAGE)
        found.setdefault(kind, []).extend(name.strip() for name in names.split(",") if name.strip())
    return found


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    state = _state(entry)
    seen = entry["presence"]
    connected = str(seen["connected"] or "no")
    return entry["peer_id"], state, connected, _moment(seen), str(len(entry["fingerprints"])), " ".join(entry["scopes"])


def _state(entry: dict[str, Any]) -> str:
    """Whether the peer may connect, in a word."""
    if not entry["enabled"]:
        return "disabled"
    end = entry["expires_at"]
    if end is not None and end <= time.time():
        return "expired"
    return "locked" if entry.get("locks") else "enabled"


def _lock_words(lock: dict[str, Any]) -> str:
    """“until it is lifted: lost”; of a lock of everything that it is one."""
    what = "with everything, " if lock["target_kind"] == "everything" else ""
    reason = f": {lock['reason']}" if lock["reason"] else ""
    return f"{what}{end_words(lock['expires_at']) or 'until it is lifted'}{reason}"


def _moment(seen: dict[str, Any]) -> str:
    """When a peer was connected last, to the second."""
    return str(seen["last_seen"])[:19].replace("T", " ") if seen["last_seen"] else "never"


def _presence(seen: dict[str, Any]) -> list[tuple[str, str]]:
    """Who is connected is seen now; when it connected last is said of everybody."""
    protocols = f" ({', '.join(seen['protocols'])})" if seen["protocols"] else ""
    rows = [("connected", f"{seen['connected']}{protocols}" if seen["connected"] else "no")]
    where = f" from {seen['last_address']}" if seen["last_address"] else ""
    return [*rows, ("last seen", f"{_moment(seen)}{where}")]


def _description(entry: dict[str, Any]) -> str:
    rows = [("peer", entry["peer_id"]), ("state", _state(entry))]
    if end := end_words(entry["expires_at"]):
        rows.append(("expiry", end))
    rows += [("locked", _lock_words(lock)) for lock in entry.get("locks", [])]
    if entry.get("display_name"):
        rows.append(("display name", entry["display_name"]))
    if seen := entry.get("presence"):
        rows += _presence(seen)
    for key in entry["keys"]:
        rows += [("key", key["fingerprint"])]
        if end := end_words(entry["key_expires_at"].get(key["fingerprint"])):
            rows.append(("", end))
        rows += [("", text) for name in ("openssh", "openssh_fingerprint") if (text := key.get(name))]
    rows.append(("scopes", " ".join(entry["scopes"]) or "none"))
    rows += [("resources", f"{kind}: {', '.join(names)}") for kind, names in entry["resources"].items()]
    if entry.get("token"):
        rows.append(("token", f"{entry['token']}   (shown this once)"))
    elif entry["has_token"]:
        rows.append(("token", "set"))
    rows += [("notes" if number == 0 else "", line) for number, line in enumerate(entry["notes"].splitlines())]
    return "\n".join(f"{printable(name):<13} {printable(text)}" for name, text in rows)
