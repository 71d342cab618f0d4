"""`alknet forwarding …`: whom peers may reach through the node, by rules in their order. Runs the panel's services.

Exit status of `check`: 0 they may, 1 they may not (or the question was refused), 2 wrong usage.
"""

import json
from typing import Annotated, Any

import typer

from node.cli.load import settings_or_fail
from node.cli.manage import request
from node.cli.options import EXIT_FAILED, EXIT_USAGE, DataOption, JsonOption, fail
from node.cli.table import table
from node.core.forwarding.policy import Action, Direction, Transport
from node.core.text import printable

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
SHORT_ID = 8
"""Characters of an id that people are shown. Any beginning that only one rule has will do."""

RuleArgument = Annotated[str, typer.Argument(metavar="ID", help="See alknet forwarding list; its first characters do.")]
PlaceArgument = Annotated[int, typer.Argument(metavar="PLACE", min=1, help="Counted from 1, which is asked first.")]
ForOption = Annotated[list[str] | None, typer.Option("--for", metavar="PEER|SCOPE", help="May be repeated.")]
OverOption = Annotated[list[Transport] | None, typer.Option("--over", help="May be repeated. Else all of them.")]
WayOption = Annotated[
    Direction | None, typer.Option("--direction", help="local: the node connects; remote: it listens. Else both.")
]


@app.callback()
def forwarding() -> None:
    """Rules of what peers may reach through the node, and where they may listen. The first that matches decides."""


@app.command("list")
def list_rules(*, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List the rules in their order, and which names in them nobody has."""
    found = request(settings_or_fail(data), "forwarding", "list", {})
    if as_json:
        typer.echo(json.dumps(found))
    elif not found:
        typer.echo("There are no rules: nothing is forwarded.")
    else:
        heads = ("PLACE", "ID", "ACTION", "TARGET", "FOR", "OVER", "DIRECTION", "NOTE")
        typer.echo(table(heads, [_row(rule) for rule in found]))


@app.command()
def add(  # noqa: PLR0913 - one parameter for each option
    action: Annotated[Action, typer.Argument(metavar="allow|deny")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Such as 10.0.0.0/8, *.lan:22, /run/*.sock.")],
    *,
    principals: ForOption = None,
    over: OverOption = None,
    direction: WayOption = None,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why; for administrators.")] = "",
    place: Annotated[int | None, typer.Option("--at", metavar="PLACE", min=1, help="Else at the end.")] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a rule. It counts for whatever peers ask for from then on."""
    wish: dict[str, Any] = {"action": action.value, "target": target, "principals": principals or [], "note": note}
    wish |= {"transports": [one.value for one in over or []], "directions": [direction.value] if direction else []}
    found = request(settings_or_fail(data), "forwarding", "add", wish | ({"position": place} if place else {}))
    _tell("Added", found, as_json=as_json)


@app.command("set")
def set_(  # noqa: PLR0913 - one parameter for each option
    rule: RuleArgument,
    *,
    action: Annotated[Action | None, typer.Option("--action", metavar="allow|deny")] = None,
    target: Annotated[str | None, typer.Option("--target", metavar="TARGET", help="As with add.")] = None,
    principals: ForOption = None,
    over: Annotated[
        list[str] | None, typer.Option("--over", metavar="quic|tcp|channel", help="May be repeated.")
    ] = None,
    direction: Annotated[str | None, typer.Option("--direction", metavar="local|remote")] = None,
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Why; for administrators.")] = None,
    place: Annotated[int | None, typer.Option("--at", metavar="PLACE", min=1, help="As with move.")] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change a rule. Each option replaces what was there, an empty text (--over "") clears it; the rest stays.

    Without --for it is for every peer.
    """
    given = {
        "action": action and action.value,
        "target": target,
        "principals": _list(principals),
        "transports": _list(over),
        "directions": _list(None if direction is None else [direction]),
        "note": note,
        "position": place,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        fail("nothing to change: say what, such as --target or --for", EXIT_USAGE)
    found = request(settings_or_fail(data), "forwarding", "change", {"id": rule, **changes})
    _tell("Changed", found, as_json=as_json)


@app.command()
def move(rule: RuleArgument, place: PlaceArgument, *, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Put a rule at another place; those between move by one."""
    found = request(settings_or_fail(data), "forwarding", "change", {"id": rule, "position": place})
    _tell("Moved", found, as_json=as_json)


@app.command()
def remove(rule: RuleArgument, *, data: DataOption = None) -> None:
    """Remove a rule; those below it move up."""
    request(settings_or_fail(data), "forwarding", "remove", {"id": rule})
    typer.echo("Removed.")


@app.command()
def check(
    peer: Annotated[str, typer.Argument(metavar="PEER", help="A peer's name.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="HOST:PORT, [IPv6]:PORT or /path/of/a.sock.")],
    *,
    direction: Annotated[Direction, typer.Option("--direction", help="Which end listens.")] = Direction.LOCAL,
    over: Annotated[Transport, typer.Option("--over", help="How the peer is connected.")] = Transport.QUIC,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """May PEER be connected with TARGET at this moment, or listen there? Names are looked up."""
    asked = {"peer_id": peer, "target": target, "direction": direction.value, "transport": over.value}
    found = request(settings_or_fail(data), "forwarding", "check", asked)
    typer.echo(json.dumps(found) if as_json else "\n".join(_lines(found)))
    if not found["allowed"]:
        raise typer.Exit(EXIT_FAILED)


def _list(texts: list[str] | None) -> list[str] | None:
    """What was said; of an empty text nothing is left."""
    return None if texts is None else [text for text in texts if text]


def _lines(found: dict[str, Any]) -> list[str]:
    """The verdict, and each step of it."""
    lines = [f"{'Allowed' if found['allowed'] else 'Refused'}: {found['text']}"]
    lines += [f"  {step['step']}: {'yes' if step['allowed'] else 'no'}, {step['text']}" for step in found["steps"]]
    if found["rule"] is not None:
        lines.append(f"  rule {found['rule']['id'][:SHORT_ID]}: {found['rule']['sentence']}")
    return [printable(line) for line in lines]


def _tell(done: str, rule: dict[str, Any], *, as_json: bool) -> None:
    typer.echo(json.dumps(rule) if as_json else printable(f"{done}: {rule['sentence']} ({rule['id'][:SHORT_ID]})"))


def _row(rule: dict[str, Any]) -> tuple[str, ...]:
    who = [f"{name} (nobody now)" if name in rule["unknown"] else name for name in rule["principals"]]
    lists = (", ".join(names) for names in (who, rule["transports"], rule["directions"]))
    return (str(rule["position"]), rule["id"][:SHORT_ID], rule["action"], rule["target"], *lists, rule["note"])
